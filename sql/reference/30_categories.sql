-- Categories of feedback, as Vietnamese city platforms name them. Which unit
-- answers for a category in a commune is the feedback service's dated
-- responsibility table, not this list.
--
-- No evidence asked: what cannot be photographed (conduct, procedures).
-- Private: what would expose somebody; QĐ 1207/QĐ-UBND makes reports of waste
-- (hành vi lãng phí) a family of their own, whose reporter the unit does not
-- see. Complaints and denunciations (khiếu nại, tố cáo) are not taken here.

insert into core.categories as c
       (position, code, severity, evidence_required, photo_required, private,
        reporter_hidden, blur_m, name_vi, name_en)
values
    ( 10, 'road_damage',         'normal',  true,  false, false, false,   0, 'Đường, vỉa hè hư hỏng', 'Damaged road or pavement'),
    ( 20, 'traffic',             'normal',  true,  false, false, false,   0, 'Giao thông, đèn tín hiệu, biển báo', 'Traffic, signals and signs'),
    ( 30, 'illegal_parking',     'normal',  true,  false, false, false,   0, 'Dừng, đỗ xe trái phép; lấn chiếm lòng đường, vỉa hè', 'Illegal parking, occupied roads and pavements'),
    ( 40, 'waste',               'normal',  true,  false, false, false,   0, 'Rác thải, vệ sinh môi trường', 'Waste and cleanliness'),
    ( 50, 'pollution',           'complex', true,  false, false, false,   0, 'Ô nhiễm không khí, nước thải, khói bụi', 'Air and water pollution, smoke and dust'),
    ( 60, 'noise',               'normal',  false, false, false, false, 100, 'Tiếng ồn', 'Noise'),
    ( 70, 'lighting',            'normal',  true,  false, false, false,   0, 'Chiếu sáng công cộng', 'Street lighting'),
    ( 80, 'trees',               'normal',  true,  false, false, false,   0, 'Cây xanh, công viên', 'Trees and parks'),
    ( 90, 'fallen_tree',         'urgent',  true,  false, false, false,   0, 'Cây đổ, cành gãy gây nguy hiểm', 'Fallen tree or branch, danger'),
    (100, 'flooding',            'urgent',  true,  false, false, false,   0, 'Úng ngập, thoát nước, mất nắp cống', 'Flooding, drains, missing manhole covers'),
    (110, 'water_supply',        'urgent',  true,  false, false, false,   0, 'Cấp nước sạch', 'Water supply'),
    (120, 'electricity',         'urgent',  true,  false, false, false,   0, 'Điện, cáp, cột điện', 'Electricity, cables and poles'),
    (130, 'construction_order',  'complex', true,  false, false, false,   0, 'Trật tự xây dựng', 'Construction order'),
    (140, 'public_security',     'urgent',  false, false, true,  false, 200, 'An ninh trật tự', 'Public security'),
    (150, 'fire_safety',         'urgent',  true,  false, false, false,   0, 'Phòng cháy, chữa cháy', 'Fire safety'),
    (160, 'food_safety',         'complex', true,  false, false, false,   0, 'An toàn thực phẩm', 'Food safety'),
    (170, 'health',              'normal',  false, false, false, false, 100, 'Y tế, dịch bệnh', 'Health and epidemics'),
    (180, 'education',           'normal',  false, false, false, false, 100, 'Giáo dục', 'Education'),
    (190, 'culture_advertising', 'normal',  true,  false, false, false,   0, 'Văn hóa, quảng cáo, rao vặt trái phép', 'Culture, illegal advertising'),
    (200, 'civil_servants',      'complex', false, false, true,  false, 200, 'Thái độ, tác phong của cán bộ', 'Conduct of officials'),
    (210, 'wastefulness',        'complex', false, false, true,  true,  500, 'Hành vi lãng phí', 'Waste of public means'),
    (900, 'other',               'normal',  true,  false, false, false,   0, 'Vấn đề khác', 'Other')
on conflict (code) do update
set position = excluded.position, severity = excluded.severity,
    evidence_required = excluded.evidence_required,
    photo_required = excluded.photo_required, private = excluded.private,
    reporter_hidden = excluded.reporter_hidden, blur_m = excluded.blur_m,
    name_vi = excluded.name_vi, name_en = excluded.name_en,
    version = c.version + 1
where (c.position, c.severity, c.evidence_required, c.photo_required,
       c.private, c.reporter_hidden, c.blur_m, c.name_vi, c.name_en)
      is distinct from
      (excluded.position, excluded.severity, excluded.evidence_required,
       excluded.photo_required, excluded.private, excluded.reporter_hidden,
       excluded.blur_m, excluded.name_vi, excluded.name_en);
