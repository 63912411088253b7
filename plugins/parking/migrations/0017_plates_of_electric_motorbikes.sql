-- Those have MĐ on them: 29-MĐ1 123.45.
alter table bookings
    drop constraint bookings_plate_form,
    add constraint bookings_plate_form check (plate ~ '^[0-9A-ZĐ]{4,12}$') not valid;
alter table bookings validate constraint bookings_plate_form;
