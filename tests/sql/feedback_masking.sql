-- What is masked in a public text, and what is left as it is.
begin;
select plan(85);

create temp table samples (hidden boolean, words text);
insert into samples values
    (true, '0912345678'), (true, '0912 345 678'), (true, '091.234.5678'), (true, '091-234-5678'),
    (true, '+84912345678'), (true, '+84 912 345 678'), (true, '(+84) 912 345 678'), (true, '84912345678'),
    (true, '024 3825 3536'), (true, '(024) 38253536'), (true, '02438253536'),
    (true, '０９１２３４５６７８'), (true, e'0912\u200b345\u200b678'), (true, e'0912\u00ad345678'),
    (true, '0 9 1 2 3 4 5 6 7 8'), (true, '0912·345·678'), (true, '0912•345•678'), (true, '0912…345…678'),
    (true, '0912|345|678'), (true, '0912*345*678'), (true, '0912/345/678'), (true, '091/234/5678'), (true, '0912:345:678'),
    (true, '𝟎𝟗𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖'), (true, '𝟘𝟡𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠'), (true, '⓪⑨①②③④⑤⑥⑦⑧'),
    (true, e'0\ufe0f\u20e39\ufe0f\u20e31\ufe0f\u20e32\ufe0f\u20e33\ufe0f\u20e34\ufe0f\u20e35\ufe0f\u20e36\ufe0f\u20e37\ufe0f\u20e38\ufe0f\u20e3'),
    (true, e'0\u03329\u03321\u03322\u03323\u03324\u03325\u03326\u03327\u03328\u0332'),
    (true, e'0912\u00a0345\u00a0678'), (true, e'0912\u202f345\u2009678'), (true, '0912–345–678'),
    (true, e'0912\u2011345\u2011678'), (true, '0912,345,678'), (true, '0912_345_678'), (true, 'sđt0912345678'),
    (true, 'zalo0912345678nhé'), (true, 'CCCD001089012345'),
    (true, '001089012345'), (true, '012345678'), (true, '001 089 012 345'), (true, '001.089.012.345'), (true, '001089012 345'), (true, 'B1234567'), (true, 'C12345678'),
    (true, 'an.nguyen@example.vn'), (true, 'an+tag@mail.example.com.vn'), (true, 'an (at) example.vn'),
    (true, 'an @ example . vn'), (true, 'an[at]example[dot]vn'), (true, 'AN@EXAMPLE.VN'),
    (true, '29A-123.45'), (true, '29A12345'), (true, '30H1-12345'), (true, '29-B1 123.45'), (true, '29 LD 123.45'),
    (true, '29a-1234'), (true, '51F 678.90'), (true, '29A–123.45'), (true, '30H1—12345'), (true, '51F 678-90'), (true, '29MĐ1-123.45'), (true, '80-123-NG-45'),
    (false, 'số nhà 123 ngõ 45/67'), (false, 'tổ 12, khu 3'), (false, 'ngày 12/3/2026 lúc 8h30'),
    (false, '24/11/2026 08:30'), (false, '01/07/2025, 02/08/2025'), (false, 'số 012/34/56 ngõ 7'), (false, '08:30:15 · 09:15:20'),
    (false, '2024…2026'), (false, 'nhà 29A–31A'), (false, e'Chi\u0323 Mai'), (false, 'quốc lộ 21B, đường 70'), (false, 'km 12+300'), (false, '12.000.000 đồng'),
    (false, 'dài 0,25 m, 0,5 m, 12,75 m'), (false, '21.0285,105.8525'), (false, 'dài 2,5 m, sâu 30 cm'), (false, 'tổng đài 1022 nhánh 8'), (false, 'tuyến buýt 32, xe số 7'),
    (false, 'phường 00070'), (false, 'chung cư CT2A tầng 15'), (false, 'năm 2024 - 2026');

select case when hidden
    then ok(position('[' in text_mask('Gọi ' || words || ' nhé')) > 0
            and text_mask('Gọi ' || words || ' nhé') !~ '\d', 'hidden: ' || words)
    else is(text_mask('Ở ' || words || ' nhé'), normalize('Ở ' || words || ' nhé', NFC), 'kept: ' || words)
    end
from samples;

select is(text_clean(normalize('  Ổ gà ', NFD) || chr(7)), normalize('Ổ gà', NFC), 'texts are composed and trimmed');
select is(text_clean(e' \n\t\u00a0 '), null, 'nothing is null');

select * from finish();
rollback;
