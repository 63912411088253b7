-- psql -v rows=1000000 -f bench/seed.sql, in a freshly migrated database with
-- search_path at the release: so many public reports over the last two years.
--
-- The service itself files the first 600, all over the city; the rest are
-- copies of them with an id, a code, a time and a text of their own, whatever
-- columns the tables have. Indexes are made afterwards: hours become minutes.

\set ON_ERROR_STOP on

create schema bench;

do $$
declare
    kinds  constant text[] := array['road_damage', 'waste', 'lighting', 'trees',
        'traffic', 'illegal_parking', 'noise', 'flooding'];
    texts  constant text[] := array[
        'Mặt đường bong tróc, ổ gà sâu trước cổng trường, xe máy dễ ngã khi trời mưa.',
        'Rác thải tồn đọng nhiều ngày ở đầu ngõ, bốc mùi, đề nghị thu gom sớm.',
        'Đèn đường tắt cả đoạn phố từ tuần trước, buổi tối rất tối và nguy hiểm.',
        'Cành cây gãy treo trên dây điện, sợ rơi xuống người đi bộ trên vỉa hè.',
        'Nắp cống bị mất, mới chỉ có người dân cắm tạm cành cây để cảnh báo.',
        'Xe đỗ kín vỉa hè trước chợ, người đi bộ phải xuống lòng đường.'];
    filed  int := 0;
    tries  int := 0;
    answer core.reply;
begin
    perform setseed(0.5);

    while filed < 600 loop
        tries := tries + 1;
        if tries > 20000 then
            raise exception 'the service files no reports: %', answer;
        end if;

        answer := feedback_create(
            caller => jsonb_build_object('iss', 'https://bench.example',
                'sub', 'seed-' || tries % 300, 'assurance', 'verified',
                'claims', '{}'::jsonb, 'operation', 'feedback_create',
                'request_id', 'bench', 'lang', 'vi'),
            category => kinds[1 + tries % cardinality(kinds)],
            text => texts[1 + tries % cardinality(texts)] || ' '
                    || texts[1 + tries * 5 % cardinality(texts)],
            lat => 20.95 + random() * 0.15, long => 105.75 + random() * 0.15,
            address => null, commune => null, severity => null, asset => null);

        if answer.status = 201 then
            filed := filed + 1;
        end if;
    end loop;
end
$$;

-- Copies are not moves of the state machine.
set session_replication_role = replica;
set synchronous_commit = off;
set maintenance_work_mem = '512MB';

create table bench.indexes as
select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as text
from pg_index i
where i.indrelid in ('feedback.cases'::regclass, 'feedback.reports'::regclass,
                     'feedback.searches'::regclass)
  and not exists (select from pg_constraint c where c.conindid = i.indexrelid);

do $$
declare
    name text;
begin
    for name in select i.name from bench.indexes i loop
        execute 'drop index ' || name;
    end loop;
end
$$;

-- What a report looks like once an officer accepted it.
update feedback.cases c
set text_public = coalesce(c.text_public, r.text),
    published_at = coalesce(c.published_at, c.created_at), listed = true
from feedback.reports r where r.case_id = c.id;

select count(feedback_index(c)) from feedback.cases c;

create table bench.models as
select row_number() over (order by id) - 1 as n, c as model from feedback.cases c;
alter table bench.models add primary key (n);

create table bench.copies as
select g.n, gen_random_uuid() as id, m.n as model,
       now() - interval '730 days' * random() as at,
       translate(upper(to_hex((g.n + 268435456::bigint) * 7919)), '01', 'XY') as code
from generate_series(1, :rows) g (n)
     join bench.models m on m.n = g.n % (select count(*) from bench.models);
analyze bench.copies;

select string_agg(quote_ident(attname), ', ' order by attnum) as case_columns,
       string_agg(case attname
           when 'id' then 'b.id'
           when 'code' then 'b.code'
           when 'created_at' then 'b.at'
           when 'updated_at' then 'b.at'
           when 'text_public' then '(m.model).text_public || '' Số '' || b.n'
           when 'published_at' then 'b.at'
           else '(m.model).' || quote_ident(attname) end, ', ' order by attnum) as case_values
from pg_attribute
where attrelid = 'feedback.cases'::regclass and attnum > 0
  and not attisdropped and attgenerated = ''
\gset

insert into feedback.cases (:case_columns)
select :case_values
from bench.copies b join bench.models m on m.n = b.model;

insert into feedback.reports (case_id, text, address, lat, long)
select b.id, r.text, r.address, r.lat, r.long
from bench.copies b join bench.models m on m.n = b.model
     join feedback.reports r on r.case_id = (m.model).id;

-- The same words, at the copy's day and week.
insert into feedback.searches (case_id, created_at, words)
select b.id, b.at,
       ts_delete(s.words, array['~d' || feedback_days(s.created_at),
                                '~w' || feedback_days(s.created_at) / 7])
       || array_to_tsvector(array['~d' || feedback_days(b.at),
                                  '~w' || feedback_days(b.at) / 7])
from bench.copies b join bench.models m on m.n = b.model
     join feedback.searches s on s.case_id = (m.model).id;

do $$
declare
    text text;
begin
    for text in select i.text from bench.indexes i loop
        execute text;
    end loop;
end
$$;

drop table bench.copies, bench.models, bench.indexes;
drop schema bench;
