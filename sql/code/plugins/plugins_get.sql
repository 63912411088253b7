-- GET /v1/admin/plugins: may the caller see them? Whoever oversees or
-- administers the whole city: a unit that stands under no other today. Their
-- jobs are the cluster's; what else they are the gateway knows and adds.
create function plugins_get(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select case when m.may then 200 end,
           null,
           case when m.may then json_build_object('jobs', (
               select coalesce(json_agg(j), '[]')
               from (select l.plugin, l.job, l.version, l.cron, l.next_at,
                            l.running, l.started_at, l.ended_at, l.outcome,
                            l.error, l.success_at, l.misses, l.failures
                     from plugin_jobs_list() l
                     limit 1000) j))
           else refusal('not-permitted') end
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
