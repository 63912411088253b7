-- Reasons for a low rating, and who receives what.
--
-- The division of work between communes and city bodies is our reading of
-- their names and duties, to be replaced by the city's own decision: rows of
-- an operator with a later valid_from stand beside these and come first.

insert into core.reasons as r
       (position, code, uses, name_vi, name_en, template_vi, template_en)
values
    (500, 'late',           '{rating}', 'Xử lý chậm',                    'Late', '', ''),
    (510, 'generic_answer', '{rating}', 'Trả lời chung chung',           'Generic answer', '', ''),
    (520, 'not_fixed',      '{rating}', 'Chưa được khắc phục',           'Not fixed', '', ''),
    (530, 'no_proof',       '{rating}', 'Không có hình ảnh, minh chứng', 'No evidence given', '', ''),
    (540, 'attitude',       '{rating}', 'Thái độ của cán bộ',            'Attitude', '', '')
on conflict (code) do update
set position = excluded.position, uses = excluded.uses,
    name_vi = excluded.name_vi, name_en = excluded.name_en,
    version = r.version + 1
where (r.position, r.uses, r.name_vi, r.name_en)
      is distinct from (excluded.position, excluded.uses, excluded.name_vi,
                        excluded.name_en);

-- unit null: the commune that the place lies in
insert into feedback.responsibilities (category, level, unit)
select w.category, w.level, u.id
from (values
    ('road_damage',         'ward',        null),
    ('illegal_parking',     'ward',        null),
    ('waste',               'ward',        null),
    ('noise',               'ward',        null),
    ('trees',               'ward',        null),
    ('construction_order',  'ward',        null),
    ('food_safety',         'ward',        null),
    ('health',              'ward',        null),
    ('education',           'ward',        null),
    ('culture_advertising', 'ward',        null),
    ('other',               'ward',        null),
    ('traffic',             'city',        'SXD'),
    ('lighting',            'city',        'SXD'),
    ('flooding',            'city',        'SXD'),
    ('fallen_tree',         'city',        'SXD'),
    ('water_supply',        'city',        'SXD'),
    ('electricity',         'city',        'SCT'),
    ('pollution',           'city',        'SNNMT'),
    ('public_security',     'city',        'CA'),
    ('fire_safety',         'city',        'CA'),
    ('civil_servants',      'city',        'SNV'),
    ('wastefulness',        'city',        'TTTP')
) w (category, level, code)
left join core.units u on u.code = w.code
where w.code is null or u.id is not null
on conflict do nothing;
