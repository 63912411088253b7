-- Reports as they might come in, over several communes and states, filed and
-- handled by the service's own functions on a clock set back: events, deadlines
-- and time-outs are what they would have been. Nobody real is meant and no
-- names stand in the texts.

-- A desk that serves the communes and city bodies other than Hoàn Kiếm.
select officer_bootstrap('https://dev.ihanoi.example', 'demo-desk', 'HN', r.role)
from unnest(array['receive', 'assign', 'process', 'resolve']) r (role);

-- They have been at work for a while.
update core.officer_grants g
set valid_from = core.today() - 60
from core.people p
where p.id = g.person and p.issuer = 'https://dev.ihanoi.example'
  and p.subject in ('demo-officer', 'demo-colleague', 'demo-desk');

create temporary table demo_reports (
    n          int generated always as identity,
    citizen    text,
    category   text,
    commune    text,
    lat        float8,
    long       float8,
    address    text,
    days_ago   numeric,
    steps      text[],      -- actions, three working-day hours after one another
    text       text,
    answer     text
);

insert into demo_reports
    (citizen, category, commune, lat, long, address, days_ago, steps, text, answer)
values
('demo-citizen', 'road_damage', '00070', 21.0337, 105.8512, 'Ngã tư Hàng Bạc – Mã Mây', 12, '{accept,assign,start,resolve,confirm,rating5}',
 'Mặt đường bong tróc, có ổ gà sâu khoảng 20 cm ngay ngã tư, trời mưa không nhìn thấy, xe máy dễ ngã.',
 'Đơn vị đã cào bóc và vá lại 6 m² mặt đường bằng bê tông nhựa nguội, hoàn trả vạch sơn.'),
('demo-citizen', 'waste', '00070', 21.0352, 105.8489, 'Đầu ngõ phố Hàng Chiếu, gần chợ', 6, '{accept,assign,start,resolve}',
 'Rác thải tồn đọng ba ngày ở đầu ngõ, bốc mùi, chuột bọ nhiều. Đề nghị thu gom và đặt lại thùng rác.',
 'Đã thu gom toàn bộ rác tồn đọng, phun khử khuẩn và bố trí thêm hai thùng 240 lít; lịch thu gom 18 giờ và 22 giờ hằng ngày.'),
('demo-citizen', 'illegal_parking', '00070', 21.0299, 105.8531, 'Vỉa hè trước trường học phố Lý Thái Tổ', 2, '{accept,assign,start}',
 'Ô tô đỗ kín vỉa hè trước cổng trường vào giờ tan học, học sinh phải đi xuống lòng đường. Biển số 29A-123.45 đỗ thường xuyên.', null),
('demo-citizen', 'lighting', '00070', 21.0311, 105.8476, 'Ngõ nhỏ phố Hàng Trống', 1, '{}',
 'Ba cột đèn trong ngõ không sáng từ tuần trước, buổi tối rất tối, người già đi lại nguy hiểm.', null),
('demo-citizen', 'trees', '00070', 21.0286, 105.8522, 'Vườn hoa bờ hồ Hoàn Kiếm', 4, '{accept,ask}',
 'Cây to ở vườn hoa có cành khô lớn, sợ gãy xuống người đi bộ.', null),
('demo-citizen', 'noise', '00070', 21.0345, 105.8527, 'Phố Tạ Hiện', 9, '{reject}',
 'Quán mở nhạc to sau 23 giờ mấy hôm liền.', null),
('demo-neighbour-1', 'road_damage', '00004', 21.0372, 105.8351, 'Phố Đội Cấn, đoạn gần chợ', 20, '{accept,assign,start,resolve,confirm,rating4}',
 'Nắp hố ga lún thấp hơn mặt đường gần 10 cm, xe đi qua kêu to và dễ tai nạn.',
 'Đã nâng cổ ga và thay nắp gang mới bằng mặt đường.'),
('demo-neighbour-1', 'construction_order', '00004', 21.0391, 105.8402, 'Ngõ phố Ngọc Hà', 8, '{accept,assign,start}',
 'Công trình xây dựng để vật liệu tràn ra ngõ, không có biển cảnh báo, bụi bay vào nhà dân.', null),
('demo-neighbour-1', 'waste', '00004', 21.0402, 105.8377, 'Đầu phố Hoàng Hoa Thám', 3, '{accept}',
 'Điểm tập kết rác tự phát cạnh trạm xe buýt, người chờ xe phải đứng xuống đường.', null),
('demo-neighbour-2', 'flooding', '00082', 21.0221, 105.8493, 'Ngã ba Nguyễn Du – Quang Trung', 15, '{accept,assign,start,resolve,rating2,reopen}',
 'Cứ mưa 30 phút là ngập tới nửa bánh xe, miệng cống bị rác bịt kín.',
 'Đã nạo vét hai hố thu và 25 m cống nhánh.'),
('demo-neighbour-2', 'traffic', '00082', 21.0238, 105.8511, 'Nút giao phố Huế – Trần Nhân Tông', 5, '{accept,assign,schedule}',
 'Đèn tín hiệu cho người đi bộ hỏng, chỉ nhấp nháy vàng.', null),
('demo-neighbour-2', 'culture_advertising', '00082', 21.0216, 105.8527, 'Dọc phố Hàng Bài', 11, '{accept,assign,start,resolve,confirm}',
 'Quảng cáo rao vặt dán kín cột điện và tủ viễn thông, số máy 0900 000 009 in khắp nơi.',
 'Đã bóc xóa 140 tờ rao vặt, sơn lại 12 tủ và chuyển số điện thoại quảng cáo cho cơ quan chức năng.'),
('demo-neighbour-3', 'trees', '00103', 21.0591, 105.8211, 'Đường ven hồ Tây, đoạn Quảng An', 7, '{accept,assign,start,resolve}',
 'Cây phượng nghiêng ra lòng đường sau trận gió hôm trước.',
 'Đã chống đỡ, cắt tỉa và hẹn đánh giá lại bộ rễ sau mùa mưa.'),
('demo-neighbour-3', 'pollution', '00103', 21.0565, 105.8189, 'Cống xả ra hồ, đầu đường Trích Sài', 10, '{accept,assign,start}',
 'Nước thải đen, mùi hôi chảy thẳng ra hồ vào sáng sớm, cá chết nổi ven bờ.', null),
('demo-neighbour-3', 'illegal_parking', '00103', 21.0577, 105.8224, 'Đường Xuân Diệu', 1.5, '{accept}',
 'Hàng quán bày bàn ghế hết vỉa hè, xe để tràn xuống lòng đường vào cuối tuần.', null),
('demo-neighbour-4', 'road_damage', '00145', 21.0201, 105.8955, 'Đường Nguyễn Văn Linh, chiều vào cầu', 18, '{accept,assign,start,resolve,confirm,rating5}',
 'Khe co giãn bật lên, nhiều xe máy bị thủng lốp.',
 'Đã thay đoạn khe co giãn hư hỏng dài 4 m trong đêm và kiểm tra toàn tuyến.'),
('demo-neighbour-4', 'fallen_tree', '00145', 21.0188, 105.8971, 'Đường Cổ Linh', 2.5, '{accept_urgent,assign,start,resolve}',
 'Cây đổ chắn nửa đường sau mưa giông, chưa có rào chắn.',
 'Đã cưa dọn, thông đường trong 2 giờ và rào phần vỉa hè bị bật gốc.'),
('demo-neighbour-4', 'food_safety', '00145', 21.0212, 105.8949, 'Khu chợ dân sinh', 13, '{not_competent}',
 'Cửa hàng bán sữa không rõ nguồn gốc qua mạng, giao từ tỉnh khác.', null),
('demo-neighbour-5', 'waste', '00166', 21.0313, 105.7892, 'Ngõ đường Trần Thái Tông', 9, '{accept,assign,start,resolve,confirm,rating3}',
 'Phế thải xây dựng đổ trộm ban đêm ở bãi đất trống.',
 'Đã dọn 8 m³ phế thải, lắp rào và bố trí tổ tuần tra từ 22 giờ đến 2 giờ.'),
('demo-neighbour-5', 'lighting', '00166', 21.0299, 105.7871, 'Công viên Cầu Giấy', 4, '{accept,assign,start}',
 'Đèn công viên bật sáng cả ban ngày, tối lại tắt sớm lúc 21 giờ.', null),
('demo-neighbour-5', 'education', '00166', 21.0321, 105.7868, 'Trường học trên đường Dịch Vọng', 3, '{accept,transfer}',
 'Cổng trường ùn tắc giờ đón trẻ, đề nghị bố trí lệch giờ và người điều tiết.', null),
('demo-neighbour-1', 'electricity', '00367', 20.9989, 105.8058, 'Ngõ đường Nguyễn Trãi', 6, '{accept_urgent,assign,start,resolve,confirm}',
 'Cáp viễn thông võng xuống ngang đầu người, có đoạn chạm vào cột điện.',
 'Đã bó gọn và nâng tĩnh không 120 m cáp, thu hồi cáp không sử dụng.'),
('demo-neighbour-2', 'noise', '00367', 21.0003, 105.8041, 'Khu tập thể Thanh Xuân Bắc', 5, '{accept,assign,start}',
 'Xưởng cơ khí trong khu dân cư làm việc đến 22 giờ, tiếng cắt sắt chói tai.', null),
('demo-neighbour-3', 'road_damage', '00118', 21.0522, 105.8712, 'Đường đê Long Biên – Xuân Quan', 14, '{accept,assign,schedule}',
 'Lề đường sạt lở sau mưa, cọc tiêu đổ, ban đêm rất nguy hiểm.', null),
('demo-neighbour-3', 'trees', '00118', 21.0509, 105.8699, 'Vườn hoa phường Bồ Đề', 22, '{accept,assign,start,resolve,confirm,rating4}',
 'Cỏ mọc cao, ghế đá gãy, trẻ em không có chỗ chơi.',
 'Đã cắt cỏ, thay ba ghế đá và sửa cầu trượt.'),
('demo-neighbour-4', 'flooding', '00340', 20.9571, 105.8577, 'Đường vào khu công viên Yên Sở', 2, '{}',
 'Miệng cống mất nắp ngay làn xe máy, người dân cắm tạm cành cây để cảnh báo.', null),
('demo-neighbour-4', 'water_supply', '00592', 21.0209, 105.7713, 'Khu đô thị phía tây phường Từ Liêm', 1, '{accept}',
 'Nước sinh hoạt đục và có mùi từ hôm qua, cả tòa nhà bị ảnh hưởng.', null),
('demo-neighbour-5', 'pollution', '00376', 21.2468, 105.8501, 'Ven khu xử lý chất thải', 16, '{accept,assign,start,resolve}',
 'Mùi hôi nồng nặc về đêm khi trời nồm, đề nghị kiểm tra khu xử lý.',
 'Đoàn kiểm tra đã đo nhanh tại 4 điểm, yêu cầu phủ bạt ô chôn lấp và phun khử mùi hai lần mỗi ngày.'),
('demo-neighbour-5', 'traffic', '00454', 21.1107, 105.8722, 'Ngã tư đường Cao Lỗ', 7, '{accept,assign,start}',
 'Biển báo hạn chế tốc độ bị cây che khuất hoàn toàn.', null),
('demo-neighbour-1', 'road_damage', '00565', 21.0033, 105.9481, 'Đường liên xã qua Gia Lâm', 5, '{withdraw}',
 'Ổ gà lớn giữa đường (đã được vá sáng nay).', null),
('demo-neighbour-2', 'other', '00565', 21.0021, 105.9495, null, 0.1, '{}',
 'Biển tên ngõ bị mất, người giao hàng và xe cấp cứu khó tìm nhà.', null);

call core.clock_shifts(true);

do $$
declare
    r         record;
    step      text;
    a         core.reply;
    f         uuid;
    at        timestamptz;
    citizen   jsonb;
    desk      jsonb;
    worker    uuid;
begin
    for r in select * from demo_reports order by demo_reports.n loop
        at := transaction_timestamp() - r.days_ago * interval '1 day';
        perform set_config('core.clock_offset', (at - transaction_timestamp())::text, true);

        citizen := jsonb_build_object('iss', 'https://dev.ihanoi.example', 'sub', r.citizen,
            'operation', 'demo', 'request_id', 'demo-' || r.n, 'lang', 'vi');
        a := feedback_create(caller => citizen, category => r.category, text => r.text,
            lat => r.lat, long => r.long, address => r.address, commune => r.commune,
            severity => null, asset => null);
        f := (a.body ->> 'id')::uuid;

        if f is null then
            raise exception 'demo report % was refused: %', r.n, a.body;
        end if;

        -- Who handles it: Hoàn Kiếm's own officer, else the city's desk.
        desk := citizen || jsonb_build_object('sub',
            case when a.body #>> '{unit,code}' = '00070' then 'demo-officer' else 'demo-desk' end);
        worker := person_ensure(null, 'https://dev.ihanoi.example', desk ->> 'sub', null);

        foreach step in array r.steps loop
            -- at most as long as there is until now
            at := at + least(interval '5 hours',
                             r.days_ago * interval '1 day' / (cardinality(r.steps) + 1));
            perform set_config('core.clock_offset', (at - transaction_timestamp())::text, true);

            a := case step
                when 'accept' then feedback_accept(desk, f, null, 'normal', null)
                when 'accept_urgent' then feedback_accept(desk, f, null, 'urgent', null)
                when 'assign' then feedback_assign(desk, f, null, worker)
                when 'start' then feedback_start(desk, f, null)
                when 'schedule' then feedback_schedule(desk, f, null, core.today() + 20)
                when 'ask' then feedback_ask(desk, f, null,
                    'Xin cho biết cây nằm gần cột đèn hoặc ghế đá số bao nhiêu?')
                when 'reject' then feedback_reject(desk, f, null, 'unclear',
                    'Phản ánh chưa nêu rõ quán và ngày giờ cụ thể. Đề nghị gửi lại kèm thông tin này để đơn vị kiểm tra.')
                when 'not_competent' then feedback_not_competent(desk, f, null, 'other_province',
                    'Cửa hàng đăng ký kinh doanh và gửi hàng từ tỉnh khác.', 'Cơ quan quản lý thị trường nơi đăng ký kinh doanh')
                when 'transfer' then feedback_transfer(desk, f, null, 'SGDDT', 'several_units',
                    'Việc lệch giờ học do ngành giáo dục chủ trì.')
                when 'resolve' then feedback_resolve(desk, f, null, r.answer, jsonb_build_array(
                    jsonb_build_object('text', 'Ảnh hiện trường trước và sau khi xử lý',
                        'link', 'https://kho.ihanoi.example/minh-chung/' || substr(md5(r.text), 1, 12))))
                when 'confirm' then feedback_confirm(citizen, f, null)
                when 'reopen' then feedback_reopen(citizen, f, null, 'Mưa hôm qua vẫn ngập như cũ.')
                when 'withdraw' then feedback_withdraw(citizen, f, null, 'Đã được xử lý.', false)
                else feedback_rating(citizen, f, null, right(step, 1)::int,
                    case when right(step, 1)::int < 3 then '["not_fixed"]' else '[]' end::jsonb, null)
                end;

            if a.status is null then
                raise exception 'demo report %, "%" was refused: %', r.n, step, a.body;
            end if;
        end loop;
    end loop;
end
$$;

call core.clock_shifts(false);
drop table demo_reports;
