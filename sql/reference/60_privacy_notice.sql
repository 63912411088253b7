-- The notice that a citizen consents to. A new wording is a new version: what
-- people consented to is never edited.

insert into core.privacy_notices (version, valid_from, title_vi, title_en, text_vi, text_en)
values (
    '2026-11', '2026-01-01 00:00+07',
    'Thông báo về xử lý dữ liệu cá nhân',
    'Notice on the processing of personal data',
    'Chúng tôi giữ họ tên, số điện thoại, thư điện tử và địa chỉ mà ông/bà tự khai để tiếp nhận, xử lý phản ánh và liên hệ với ông/bà. Đơn vị xử lý phản ánh được xem các thông tin này; công chúng không được xem. Nội dung công khai của phản ánh được che số điện thoại, số giấy tờ, biển số xe và thư điện tử. Ông/bà có quyền xem, sửa dữ liệu của mình, rút lại sự đồng ý và xóa tài khoản bất cứ lúc nào; khi xóa, dữ liệu cá nhân bị xóa, còn hồ sơ phản ánh và số liệu thống kê được giữ lại mà không gắn với ông/bà.',
    'We keep the name, telephone number, e-mail and address that you give us, to receive and handle your reports and to reach you. The unit that handles a report may see them; the public may not. Telephone numbers, identity numbers, licence plates and e-mail addresses are masked in what is published. You may see and correct your data, withdraw consent and erase your account at any time; erasing removes your personal data, while cases and statistics stay without any link to you.'
)
on conflict (version) do nothing;
