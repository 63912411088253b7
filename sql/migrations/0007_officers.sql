-- Which roles a unit must have somebody in: the dispatch names three.

set local role ihanoi_owner;

insert into core.settings (name, value, note)
values ('officers.required_roles', '["receive", "process", "resolve"]',
        'công điện of July 2024, 1b: tiếp nhận, xử lý, giải quyết');
