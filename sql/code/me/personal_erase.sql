-- Empties a person's row of personal data; the account stays.
create function personal_erase(person uuid)
returns void
language sql volatile
as $$
    update core.personal l
    set full_name = null, phone = null, email = null, address = null,
        commune = null, birth_year = null, language = null,
        updated_at = core.now()
    where l.person = personal_erase.person
$$;
