-- Has the rating of this resolution been given and changed?
create function feedback_rating_final(c feedback.cases)
returns boolean
language plpgsql stable
as $$
begin
    return exists (select from feedback.ratings r
                   where r.case_id = c.id and r.cycle = c.cycle and r.changes > 0);
end
$$;
