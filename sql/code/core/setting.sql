-- A setting's value as it stood on a day; null when there is none.
create function setting(name text, at date default core.today())
returns jsonb
language plpgsql stable
as $$
begin
    return (
        select s.value
        from core.settings s
        where s.name = setting.name and s.valid_from <= setting.at
        order by s.valid_from desc
        limit 1);
end
$$;
