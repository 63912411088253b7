-- What lists read where the table is large: their answer, and not the table.
begin;
select plan(11);
\ir lib/feedback.psql

-- One case, and 20,000 copies of it over half a year and two hundred squares of the map.
create temp table model as select pg_temp.file('{"text": "Ổ gà trên đường", "lat": 21.0320, "long": 105.8504}') as id;
select pg_temp.act('hk', id, 'accept') from model;
create temp table copies as
select g as n, gen_random_uuid() as id,
       (timestamptz '2026-06-01 08:00+07' - g * interval '13 minutes') as at
from generate_series(1, 20000) g;

set local session_replication_role = replica;
select string_agg(quote_ident(attname), ', ' order by attnum) as names,
       string_agg(case attname when 'id' then 'x.id' when 'code' then '''X'' || x.n'
           when 'created_at' then 'x.at' when 'updated_at' then 'x.at'
           when 'state' then 'case when x.n % 10 = 7 then ''accepted'' else ''withdrawn'' end'
           when 'commune' then 'case when x.n % 20 < 2 then ''00004'' else c.commune end'
           when 'long' then 'c.long + x.n % 20 * 0.01'
           when 'lat' then 'c.lat + x.n / 20 % 10 * 0.01'
           else 'c.' || quote_ident(attname) end, ', ' order by attnum) as places
from pg_attribute
where attrelid = 'feedback.cases'::regclass and attnum > 0 and not attisdropped and attgenerated = '' \gset
insert into feedback.cases (:names) select :places
from copies x, model m join feedback.cases c on c.id = m.id;
insert into feedback.searches (case_id, created_at, words)
select x.id, x.at, feedback_words(c.text_public, c.commune, c.category, x.at)
from copies x, model m join feedback.cases c on c.id = m.id;
set local session_replication_role = origin;
analyze feedback.cases, feedback.searches;

\ir lib/tuples.psql

-- How many rows a list reads, asked as often as makes a plan stay.
create function pg_temp.reads(a jsonb, out rows bigint, out items int) language plpgsql as $$
declare
    body json;
begin
    for i in 1 .. 8 loop
        rows := - pg_temp.tuples_read('feedback.cases', 'feedback.searches');
        select l.body into body
        from feedback_list('{}', a ->> 'commune', a ->> 'category', a -> 'state',
            (a ->> 'since')::timestamptz, (a ->> 'until')::timestamptz, a -> 'bbox', a ->> 'q',
            20, null) l;
        rows := rows + pg_temp.tuples_read('feedback.cases', 'feedback.searches');
    end loop;
    items := json_array_length(body -> 'items');
end
$$;

select is((r.items, r.rows < a.most), (a.items, true), format('%s (%s rows read)', a.a, r.rows))
from (values
    ('{"q": "đường"}'::jsonb, 20, 3000::bigint),
    ('{"q": "đường", "until": "2020-01-01T00:00:00Z"}', 0, 100),
    ('{"q": "đường", "since": "2026-01-01T00:00:00Z", "until": "2026-01-03T00:00:00Z", "state": ["closed", "withdrawn"]}', 20, 9000),
    ('{"q": "đường", "until": "2026-05-01T00:00:00Z", "state": ["submitted"]}', 0, 100),
    ('{"q": "đường", "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "bbox": [105.7, 21.0, 105.8, 21.1]}', 0, 9000),
    ('{"bbox": [105.8, 21.04, 105.95, 21.0401]}', 0, 2500),
    ('{"bbox": [105, 20, 107, 22]}', 20, 2000),
    ('{"bbox": [105, 20, 107, 22], "commune": "00004"}', 20, 500)
    ) a (a, items, most),
    pg_temp.reads(a.a) r;

select pg_temp.tuples_read('feedback.cases', 'feedback.searches') as read \gset
select is((select json_array_length(d.body -> 'items')
           from desk_queue(pg_temp.c('hk'), null, '["submitted", "in_progress"]', false, false, 20, null) d),
    0, 'a desk of two thousand cases has none in a state');
select cmp_ok(pg_temp.tuples_read('feedback.cases', 'feedback.searches') - :read, '<', 100::bigint, '... and does not read them');

-- As in a connection that has been asked for all kinds of boxes.
set local plan_cache_mode = force_generic_plan;
select is((r.items, r.rows < 500), (0, true), format('a rare state in a large box (%s rows read)', r.rows))
from pg_temp.reads('{"bbox": [105, 20, 107, 22], "state": ["submitted"]}') r;

select * from finish();
rollback;
