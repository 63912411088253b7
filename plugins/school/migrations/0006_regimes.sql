-- School years, subjects, and how they are marked. These are for a start: names and
-- numbers follow Circulars 27/2020 (primary) and 22/2021 (lower and upper secondary) as
-- we remember them, nobody has held them against the text. They are rows: the operator
-- changes them by adding rows of a later year.

insert into years (year, starts_on, ends_on, terms)
select y, make_date(y, 8, 1), make_date(y + 1, 7, 31), 2 from generate_series(2024, 2040) y;

insert into subjects (code, vi, en) values
    ('toan', 'Toán', 'Mathematics'),
    ('ngu-van', 'Ngữ văn', 'Literature'),
    ('tieng-viet', 'Tiếng Việt', 'Vietnamese'),
    ('tieng-anh', 'Tiếng Anh', 'English'),
    ('khoa-hoc-tu-nhien', 'Khoa học tự nhiên', 'Natural sciences'),
    ('lich-su-dia-ly', 'Lịch sử và Địa lí', 'History and geography'),
    ('tin-hoc', 'Tin học', 'Informatics'),
    ('vat-ly', 'Vật lí', 'Physics'),
    ('hoa-hoc', 'Hóa học', 'Chemistry'),
    ('sinh-hoc', 'Sinh học', 'Biology'),
    ('giao-duc-the-chat', 'Giáo dục thể chất', 'Physical education'),
    ('nghe-thuat', 'Nghệ thuật', 'Arts'),
    ('dao-duc', 'Đạo đức', 'Ethics');

insert into regimes (code, vi, en, scale, least, most, step) values
    ('diem', 'Điểm số', 'Marks of 0 to 10', 'number', 0, 10, 0.1),
    ('diem-tieu-hoc', 'Điểm kiểm tra định kì', 'Whole marks of 1 to 10', 'number', 1, 10, 1),
    ('dat', 'Đạt, Chưa đạt', 'Passed or not', 'level', null, null, null),
    ('muc', 'Mức hoàn thành', 'Levels of completion', 'level', null, null, null);

insert into regime_levels (regime, level, vi, en) values
    ('dat', 'D', 'Đạt', 'Passed'),
    ('dat', 'CD', 'Chưa đạt', 'Not passed'),
    ('muc', 'T', 'Hoàn thành tốt', 'Completed well'),
    ('muc', 'H', 'Hoàn thành', 'Completed'),
    ('muc', 'C', 'Chưa hoàn thành', 'Not completed');

insert into regime_kinds (regime, kind, vi, en, many)
select r.code, k.kind, k.vi, k.en, k.many
  from regimes r,
       (values ('tx', 'Đánh giá thường xuyên', 'Regular', 4),
               ('gk', 'Đánh giá giữa kì', 'Mid-term', 1),
               ('ck', 'Đánh giá cuối kì', 'End of term', 1)) k (kind, vi, en, many)
 where r.code in ('diem', 'dat')
union all
select r.code, k.kind, k.vi, k.en, 1
  from regimes r,
       (values ('gk', 'Giữa kì', 'Mid-term'), ('ck', 'Cuối kì', 'End of term')) k (kind, vi, en)
 where r.code in ('diem-tieu-hoc', 'muc');

insert into subject_regimes (subject, grade, first_year, regime)
select s.subject, g, 2024, s.regime
  from (values ('toan', 1, 5, 'diem-tieu-hoc'), ('tieng-viet', 1, 5, 'diem-tieu-hoc'),
               ('tieng-anh', 3, 5, 'diem-tieu-hoc'), ('tin-hoc', 3, 5, 'diem-tieu-hoc'),
               ('dao-duc', 1, 5, 'muc'), ('nghe-thuat', 1, 5, 'muc'),
               ('giao-duc-the-chat', 1, 5, 'muc'),
               ('toan', 6, 12, 'diem'), ('ngu-van', 6, 12, 'diem'), ('tieng-anh', 6, 12, 'diem'),
               ('tin-hoc', 6, 12, 'diem'), ('khoa-hoc-tu-nhien', 6, 9, 'diem'),
               ('lich-su-dia-ly', 6, 9, 'diem'), ('vat-ly', 10, 12, 'diem'),
               ('hoa-hoc', 10, 12, 'diem'), ('sinh-hoc', 10, 12, 'diem'),
               ('giao-duc-the-chat', 6, 12, 'dat'), ('nghe-thuat', 6, 12, 'dat')
       ) s (subject, first_grade, last_grade, regime),
       generate_series(s.first_grade, s.last_grade) g;
