-- GET functions inline into the gateway's statement: one that does not is
-- planned anew on each call, two to three times slower. A
-- plan with a Function Scan of the function shows it.
begin;

create function pg_temp.plan_of(call text) returns text language plpgsql as $$
declare
    line  text;
    plan  text := '';
begin
    for line in execute 'explain (costs off) select status, etag, body from ' || call loop
        plan := plan || line || E'\n';
    end loop;
    return plan;
end
$$;

create temporary table reads (call text);
insert into reads values
    ($$units_list('{}', '2026-01-01', '["ward"]', null, '00004', 20)$$),
    ($$unit_get('{}', core.uuid_of('unit HN'), '2026-01-01')$$),
    ($$unit_tree('{}', core.uuid_of('unit HN'), '2026-01-01')$$),
    ($$areas_locate('{}', 21.03, 105.85, '2026-01-01')$$),
    ($$categories_list('{}', '2026-01-01')$$),
    ($$reasons_list('{}', 'reject', '2026-01-01')$$),
    ($$privacy_notice_get('{}')$$),
    ($$me_get('{"iss": "i", "sub": "s"}')$$),
    ($$consents_list('{"iss": "i", "sub": "s"}', null, 20)$$),
    ($$roster_get('{"iss": "i", "sub": "s"}', core.uuid_of('unit HN'), '2026-01-01')$$);

select plan(count(*)::int + 4) from reads;

select unalike(pg_temp.plan_of(call), '%Function Scan on ' || split_part(call, '(', 1) || '%',
    split_part(call, '(', 1) || ' inlines')
from reads;

-- That the check can fail: a function that cannot be inlined.
do $$ begin
    execute format('create function %I.not_inlined() returns table (status int, etag text, body json) language sql volatile as %L',
        current_schema(), 'select 200, ''''::text, ''{}''::json');
end $$;
select alike(pg_temp.plan_of('not_inlined()'), '%Function Scan on not_inlined%', 'a volatile one does not');

-- All GET functions of the release have the shape that inlines.
select is_empty($$
    select p.proname from pg_proc p join pg_language l on l.oid = p.prolang
    where p.pronamespace = current_schema()::regnamespace
      and p.proname in (select split_part(call, '(', 1) from reads)
      and not (l.lanname = 'sql' and p.provolatile = 's' and p.proretset
               and not p.proisstrict and not p.prosecdef and p.proconfig is null)$$,
    'and none has what keeps it from it');

-- A scalar function in SQL that does not inline is planned by each statement that calls
-- it. (What it calls may be less constant than it says of itself: that keeps it from it.)
create function pg_temp.scalars_not_inlined() returns setof text language plpgsql as $$
declare
    f     record;
    line  text;
begin
    for f in
        select p.proname as name,
               string_agg(format('null::%s as a%s', t.type::regtype, t.n), ', ') as columns,
               string_agg('x.a' || t.n, ', ' order by t.n) as arguments
        from pg_proc p join pg_language l on l.oid = p.prolang
             cross join lateral unnest(p.proargtypes) with ordinality t (type, n)
        where p.pronamespace = current_schema()::regnamespace
          and l.lanname = 'sql' and not p.proretset and p.provolatile <> 'v'
          and not exists (select from pg_depend d    -- pgTAP's
                          where d.objid = p.oid and d.deptype = 'e')
        group by p.oid
    loop
        for line in execute format('explain (verbose, costs off) select %I(%s) from (select %s offset 0) x',
                                   f.name, f.arguments, f.columns)
        loop
            if line ~ ('\m' || f.name || '\(') then
                return next f.name;
            end if;
        end loop;
    end loop;
end
$$;

select is_empty('select pg_temp.scalars_not_inlined()', 'scalar functions in SQL inline');

do $$ begin
    execute format('create function %I.scalar_not_inlined(t text) returns bytea language sql immutable as %L',
        current_schema(), 'select convert_to(t, ''UTF8'')');
end $$;
select results_eq('select pg_temp.scalars_not_inlined()', array['scalar_not_inlined'],
    'and one that calls itself more constant than what it calls does not');

select * from finish();
rollback;
