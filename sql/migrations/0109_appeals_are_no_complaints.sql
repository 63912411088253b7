-- "Khiếu nại" is the complaint of the law of that name, which is not taken here (the reason
-- "complaint"): who thinks a refusal wrong asks to have it looked at again.
update feedback.actions set name_vi = 'Đề nghị xem xét lại' where code = 'appeal';
