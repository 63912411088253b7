-- Brings the search index to what the public may read of a case.
create function feedback_index(c feedback.cases)
returns void
language plpgsql volatile
as $$
begin
    if c.text_public is null and c.address_public is null then
        return;
    end if;

    insert into feedback.searches (case_id, created_at, words)
    values (c.id, c.created_at, feedback_words(
        concat_ws(e'\n', c.text_public, c.address_public),
        c.commune, c.category, c.created_at))
    on conflict (case_id) do update set words = excluded.words;
end
$$;
