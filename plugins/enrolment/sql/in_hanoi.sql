-- An instant as people read it, in Hà Nội, whose time the texts of problems are in.
create function in_hanoi(at timestamptz)
returns text
language sql stable
return to_char(at at time zone 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD HH24:MI:SS');
