-- GET /v1/admin/plugins: may the caller see them? Whoever oversees or
-- administers the whole city: a unit that stands under no other today. What
-- they are the gateway knows and adds.
create function plugins_get(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select case when m.may then 200 end,
           null,
           case when m.may then '{}' else refusal('not-permitted') end
    from (select exists (
        select
        from core.officer_grants g
        where g.person = caller_person(caller)
          and g.role in ('oversee', 'administer')
          and officer_may(g.person, g.unit, g.role)
          and not exists (select
                          from core.unit_parents p
                          where p.unit = g.unit and p.validity @> core.today()))
    ) m (may)
$$;
