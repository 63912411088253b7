-- The city's bodies and, until 30 June 2025, its districts: names as facts.
--
-- valid_from 2024-01-01 is where our records begin, not when a body was
-- founded. "verified" false: known from general sources, to be held against
-- the decision itself. Communes stand in 20_communes.sql.

create temporary table ref_units (
    code text, kind text, name_vi text, name_en text, parent text,
    valid_from date, valid_to date, verified boolean
);

insert into ref_units
values
    ('HN', 'city', 'Ủy ban nhân dân Thành phố Hà Nội', 'Hanoi People''s Committee', null, '2024-01-01', null, true),
    ('VP', 'office', 'Văn phòng Ủy ban nhân dân Thành phố', 'Office of the City People''s Committee', 'HN', '2024-01-01', null, true),
    ('1022', 'hotline', 'Tổng đài 1022', 'Hotline 1022', 'VP', '2024-01-01', null, false),
    ('CA', 'police', 'Công an Thành phố Hà Nội', 'Hanoi City Police', 'HN', '2024-01-01', null, true),

    ('SNV', 'department', 'Sở Nội vụ', 'Department of Home Affairs', 'HN', '2024-01-01', null, true),
    ('STP', 'department', 'Sở Tư pháp', 'Department of Justice', 'HN', '2024-01-01', null, true),
    ('STC', 'department', 'Sở Tài chính', 'Department of Finance', 'HN', '2024-01-01', null, true),
    ('SCT', 'department', 'Sở Công Thương', 'Department of Industry and Trade', 'HN', '2024-01-01', null, true),
    ('SXD', 'department', 'Sở Xây dựng', 'Department of Construction', 'HN', '2024-01-01', null, true),
    ('SVHTT', 'department', 'Sở Văn hóa và Thể thao', 'Department of Culture and Sports', 'HN', '2024-01-01', null, true),
    ('SDL', 'department', 'Sở Du lịch', 'Department of Tourism', 'HN', '2024-01-01', null, true),
    ('SKHCN', 'department', 'Sở Khoa học và Công nghệ', 'Department of Science and Technology', 'HN', '2024-01-01', null, true),
    ('SGDDT', 'department', 'Sở Giáo dục và Đào tạo', 'Department of Education and Training', 'HN', '2024-01-01', null, true),
    ('SYT', 'department', 'Sở Y tế', 'Department of Health', 'HN', '2024-01-01', null, true),
    ('SQHKT', 'department', 'Sở Quy hoạch - Kiến trúc', 'Department of Planning and Architecture', 'HN', '2024-01-01', null, true),
    ('TTTP', 'department', 'Thanh tra Thành phố', 'City Inspectorate', 'HN', '2024-01-01', null, true),
    ('BQLKCN', 'board', 'Ban Quản lý các khu công nghiệp và chế xuất', 'Industrial and Export Processing Zones Authority', 'HN', '2024-01-01', null, false),

    ('SKHDT', 'department', 'Sở Kế hoạch và Đầu tư', 'Department of Planning and Investment', 'HN', '2024-01-01', '2025-02-28', false),
    ('SNNPTNT', 'department', 'Sở Nông nghiệp và Phát triển nông thôn', 'Department of Agriculture and Rural Development', 'HN', '2024-01-01', '2025-02-28', false),
    ('SGTVT', 'department', 'Sở Giao thông vận tải', 'Department of Transport', 'HN', '2024-01-01', '2025-02-28', false),
    ('STNMT', 'department', 'Sở Tài nguyên và Môi trường', 'Department of Natural Resources and Environment', 'HN', '2024-01-01', '2025-02-28', false),
    ('STTTT', 'department', 'Sở Thông tin và Truyền thông', 'Department of Information and Communications', 'HN', '2024-01-01', '2025-02-28', false),
    ('SLDTBXH', 'department', 'Sở Lao động - Thương binh và Xã hội', 'Department of Labour, Invalids and Social Affairs', 'HN', '2024-01-01', '2025-02-28', false),
    ('BDT', 'department', 'Ban Dân tộc', 'Committee for Ethnic Affairs', 'HN', '2024-01-01', '2025-02-28', false),
    ('SNNMT', 'department', 'Sở Nông nghiệp và Môi trường', 'Department of Agriculture and Environment', 'HN', '2025-03-01', null, false),
    ('SDTTG', 'department', 'Sở Dân tộc và Tôn giáo', 'Department of Ethnic and Religious Affairs', 'HN', '2025-03-01', null, false),

    -- The 30 districts, by their codes in the statistical list.
    ('001', 'urban_district', 'Quận Ba Đình', 'Ba Dinh District', 'HN', '2024-01-01', '2025-06-30', true),
    ('002', 'urban_district', 'Quận Hoàn Kiếm', 'Hoan Kiem District', 'HN', '2024-01-01', '2025-06-30', true),
    ('003', 'urban_district', 'Quận Tây Hồ', 'Tay Ho District', 'HN', '2024-01-01', '2025-06-30', true),
    ('004', 'urban_district', 'Quận Long Biên', 'Long Bien District', 'HN', '2024-01-01', '2025-06-30', true),
    ('005', 'urban_district', 'Quận Cầu Giấy', 'Cau Giay District', 'HN', '2024-01-01', '2025-06-30', true),
    ('006', 'urban_district', 'Quận Đống Đa', 'Dong Da District', 'HN', '2024-01-01', '2025-06-30', true),
    ('007', 'urban_district', 'Quận Hai Bà Trưng', 'Hai Ba Trung District', 'HN', '2024-01-01', '2025-06-30', true),
    ('008', 'urban_district', 'Quận Hoàng Mai', 'Hoang Mai District', 'HN', '2024-01-01', '2025-06-30', true),
    ('009', 'urban_district', 'Quận Thanh Xuân', 'Thanh Xuan District', 'HN', '2024-01-01', '2025-06-30', true),
    ('016', 'rural_district', 'Huyện Sóc Sơn', 'Soc Son District', 'HN', '2024-01-01', '2025-06-30', true),
    ('017', 'rural_district', 'Huyện Đông Anh', 'Dong Anh District', 'HN', '2024-01-01', '2025-06-30', true),
    ('018', 'rural_district', 'Huyện Gia Lâm', 'Gia Lam District', 'HN', '2024-01-01', '2025-06-30', true),
    ('019', 'urban_district', 'Quận Nam Từ Liêm', 'Nam Tu Liem District', 'HN', '2024-01-01', '2025-06-30', true),
    ('020', 'rural_district', 'Huyện Thanh Trì', 'Thanh Tri District', 'HN', '2024-01-01', '2025-06-30', true),
    ('021', 'urban_district', 'Quận Bắc Từ Liêm', 'Bac Tu Liem District', 'HN', '2024-01-01', '2025-06-30', true),
    ('250', 'rural_district', 'Huyện Mê Linh', 'Me Linh District', 'HN', '2024-01-01', '2025-06-30', true),
    ('268', 'urban_district', 'Quận Hà Đông', 'Ha Dong District', 'HN', '2024-01-01', '2025-06-30', true),
    ('269', 'town', 'Thị xã Sơn Tây', 'Son Tay Town', 'HN', '2024-01-01', '2025-06-30', true),
    ('271', 'rural_district', 'Huyện Ba Vì', 'Ba Vi District', 'HN', '2024-01-01', '2025-06-30', true),
    ('272', 'rural_district', 'Huyện Phúc Thọ', 'Phuc Tho District', 'HN', '2024-01-01', '2025-06-30', true),
    ('273', 'rural_district', 'Huyện Đan Phượng', 'Dan Phuong District', 'HN', '2024-01-01', '2025-06-30', true),
    ('274', 'rural_district', 'Huyện Hoài Đức', 'Hoai Duc District', 'HN', '2024-01-01', '2025-06-30', true),
    ('275', 'rural_district', 'Huyện Quốc Oai', 'Quoc Oai District', 'HN', '2024-01-01', '2025-06-30', true),
    ('276', 'rural_district', 'Huyện Thạch Thất', 'Thach That District', 'HN', '2024-01-01', '2025-06-30', true),
    ('277', 'rural_district', 'Huyện Chương Mỹ', 'Chuong My District', 'HN', '2024-01-01', '2025-06-30', true),
    ('278', 'rural_district', 'Huyện Thanh Oai', 'Thanh Oai District', 'HN', '2024-01-01', '2025-06-30', true),
    ('279', 'rural_district', 'Huyện Thường Tín', 'Thuong Tin District', 'HN', '2024-01-01', '2025-06-30', true),
    ('280', 'rural_district', 'Huyện Phú Xuyên', 'Phu Xuyen District', 'HN', '2024-01-01', '2025-06-30', true),
    ('281', 'rural_district', 'Huyện Ứng Hòa', 'Ung Hoa District', 'HN', '2024-01-01', '2025-06-30', true),
    ('282', 'rural_district', 'Huyện Mỹ Đức', 'My Duc District', 'HN', '2024-01-01', '2025-06-30', true);

select core.seed_units((select jsonb_agg(r) from ref_units r));

drop table ref_units;

-- The departments' mergers of March 2025. Districts had no single successor:
-- their tasks went to communes and departments, so none is named for them.
insert into core.unit_successors (unit, successor, since, verified, note)
select core.uuid_of('unit ' || s.unit), core.uuid_of('unit ' || s.successor),
       '2025-03-01', false, 'merged in March 2025'
from (values ('SKHDT', 'STC'), ('SNNPTNT', 'SNNMT'), ('STNMT', 'SNNMT'),
             ('SGTVT', 'SXD'), ('STTTT', 'SKHCN'), ('SLDTBXH', 'SNV'),
             ('BDT', 'SDTTG')) s (unit, successor)
on conflict do nothing;
