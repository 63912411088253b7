-- Whether a receipt was booked by the file of a day, after the day's last report.
create function receipt_of_file(r receipts, day date, told timestamptz)
returns boolean
language sql stable
as $$
    select r.via = 'file' and r.received_at > told
           and exists (select from filed f
                        where f.gateway = r.gateway and f.kind = 'payment'
                          and f.name = r.transaction and f.day = receipt_of_file.day)
$$;
