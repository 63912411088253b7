-- Rounds at each stage, of nobody: one that is open, one whose time is over, and one that
-- is published. For looking at, never in production. Run with the plugin's search_path and
-- role, once.

-- An hour ago: what has begun is not changed, so rounds are made before they begin.
select set_config('core.clock_offset', '-60 minutes', false);
select year_put(2027, 'Năm học 2027–2028 (trình diễn)', '[
    {"code": "residence", "kind": "choice", "title": {"vi": "Cư trú", "en": "Residence"}, "options": ["permanent", "temporary", "none"]},
    {"code": "resident_since", "kind": "date", "title": {"vi": "Cư trú từ ngày", "en": "Resident since"}},
    {"code": "sibling", "kind": "boolean", "title": {"vi": "Có anh, chị đang học tại trường", "en": "A sibling is at the school"}}]');
select level_put(2027, 'grade_1', '[
    {"title": {"vi": "Đúng tuyến, thường trú", "en": "In the zone, permanent residence"}, "holds": "$.in_zone == true && $.residence == \"permanent\""},
    {"title": {"vi": "Đúng tuyến, tạm trú", "en": "In the zone, temporary residence"}, "holds": "$.in_zone == true"},
    {"title": {"vi": "Trái tuyến, có anh chị", "en": "Out of the zone, with a sibling"}, "holds": "$.sibling == true"}]',
    '[{"fact": "resident_since"}]');
select school_put(code, name, ward, '["https://dev.ihanoi.example demo-officer"]')
  from (values ('DEMO-1', 'Trường Tiểu học số 1 (trình diễn)', '00004'), ('DEMO-2', 'Trường Tiểu học số 2 (trình diễn)', '00008')) s (code, name, ward);
select zones_put(code, 2027, 'grade_1', jsonb_build_array(jsonb_build_object('ward', ward))) from schools where code like 'DEMO-%';


select round_create(id, 2027, 'grade_1', title, instant() + interval '1 minute', instant() + closes, '2021-01-01', '2021-12-31',
                    current_date, 3, 48, encode(sha256(seed::bytea), 'hex'),
                    title_en => 'Grade 1, round ' || right(id::text, 1) || ' (demo)')
  from (values ('00000000-0000-7000-8000-00000000e001'::uuid, 'Tuyển sinh lớp 1, đợt 1 (trình diễn)', interval '3 minutes', 'demo-seed-of-the-lottery'),
               ('00000000-0000-7000-8000-00000000e002', 'Tuyển sinh lớp 1, đợt 2 (trình diễn)', '3 minutes', 'demo-seed-of-the-next-lottery'),
               ('00000000-0000-7000-8000-00000000e003', 'Tuyển sinh lớp 1, đợt 3 (trình diễn)', '10 years', 'demo-seed-of-the-last-lottery')) r (id, title, closes, seed);
select places_put(id, '[{"school": "DEMO-1", "quota": 3}, {"school": "DEMO-2", "quota": 2}]') from rounds where title like '%(trình diễn)';

-- People apply for eight children in each of those that are over by now.
select set_config('core.clock_offset', '-58 minutes', false);
select application_submit(id => ('00000000-0000-7000-8000-0000' || round || 'a' || lpad(n::text, 3, '0'))::uuid,
           guardian => 'https://dev.ihanoi.example demo-citizen', round => ('00000000-0000-7000-8000-00000000' || round)::uuid,
           child => encode(sha256(('demo child ' || n)::bytea), 'hex'), child_name => 'Trẻ ' || n,
           born => date '2021-01-01' + n * 20, ward => case n % 3 when 0 then '00008' else '00004' end,
           facts => jsonb_build_object('residence', case n % 2 when 0 then 'permanent' else 'temporary' end,
                                       'resident_since', date '2015-01-01' + n * 100),
           evidence => '[]', choices => case n % 3 when 0 then '["DEMO-2", "DEMO-1"]'::jsonb else '["DEMO-1", "DEMO-2"]' end, most => 100)
  from generate_series(1, 8) n, unnest(array['e001', 'e002']) round;
select desk_decide(id, 'demo', true, 'verify', null, child) from applications where state = 'submitted';

select set_config('core.clock_offset', '-56 minutes', false);
select round_close('00000000-0000-7000-8000-00000000e001', 'demo-seed-of-the-lottery');
select allocation_request('00000000-0000-7000-8000-00000000e0a1', '00000000-0000-7000-8000-00000000e001', 'demo');
select allocation_step('00000000-0000-7000-8000-00000000e0a1', 5000);
select allocation_publish('00000000-0000-7000-8000-00000000e0a1', 'demo');
select allocation_step('00000000-0000-7000-8000-00000000e0a1', 5000);
select set_config('core.clock_offset', '', false);
