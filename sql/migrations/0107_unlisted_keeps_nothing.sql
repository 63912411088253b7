-- Whatever makes a case of an erased account private, the end of its transaction
-- takes what the public had read of it: a release of before feedback_change did so
-- may still serve, or serve again, and writes the words to search for after the row.
set local lock_timeout = '5s';
set local role ihanoi_owner;

create function feedback.unlisted_keeps_nothing()
returns trigger
language plpgsql
as $$
begin
    if exists (select from feedback.reports r
               where r.case_id = new.id and r.erased_at is not null)
    then
        update feedback.cases c
        set text_public = null, address_public = null, lat = null, long = null
        where c.id = new.id
          and num_nonnulls(c.text_public, c.address_public, c.lat, c.long) > 0;

        update feedback.messages m set public = null
        where m.case_id = new.id and m.author = new.reporter_id;

        update feedback.searches s set words = '' where s.case_id = new.id;
    end if;

    return null;
end
$$;

create constraint trigger cases_unlisted_keep_nothing
    after update of listed on feedback.cases deferrable initially deferred
    for each row when (old.listed and not new.listed)
    execute function feedback.unlisted_keeps_nothing();
