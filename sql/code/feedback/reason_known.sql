-- May this code be given as the reason of that action today?
create function reason_known(code text, action text)
returns boolean
language plpgsql stable
as $$
begin
    return (
        select exists (select from core.reasons r
                       where r.code = reason_known.code
                         and reason_known.action = any (r.uses)
                         and r.validity @> core.today()));
end
$$;
