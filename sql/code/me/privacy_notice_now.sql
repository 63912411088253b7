-- The version of the privacy notice that holds now.
create function privacy_notice_now()
returns text
language plpgsql stable
as $$
begin
    return (
        select n.version
        from core.privacy_notices n
        where n.valid_from <= core.now()
        order by n.valid_from desc, n.version desc
        limit 1);
end
$$;
