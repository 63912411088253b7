-- What people were shown: a purpose in one version, as its service's manifest had
-- it when the first one agreed. Manifests go with their service; this stays.
create table purposes (
    service   text not null check (service ~ '^[a-z][a-z0-9_]{0,31}$'),
    name      text not null check (name ~ '^[a-z][a-z0-9_]{0,31}$'),
    version   int not null check (version between 1 and 9999),
    title     jsonb not null,               -- {vi, en}
    data      jsonb not null,               -- ["personal", ...]
    shown_at  timestamptz not null default now(),

    primary key (service, name, version)
);

-- Who has ever agreed to something. Giving and withdrawing lock the row, so that
-- those of one person come one after the other, and their times too.
create table people (
    subject  text primary key check (length(subject) between 1 and 800)  -- with the issuer
);

create table consents (
    id         uuid primary key,
    person     text not null references people,
    service    text not null,
    purpose    text not null,
    version    int not null,
    assurance  text not null check (assurance in ('none', 'declared', 'phone', 'verified')),
    language   text not null check (language in ('vi', 'en')),   -- it was asked in
    given_at   timestamptz not null default clock_timestamp(),
    ended_at   timestamptz,
    ended      text check (ended in ('withdrawn', 'replaced')),
    done_at    timestamptz,                 -- the service has dropped its data

    foreign key (service, purpose, version) references purposes,

    constraint consents_end_once check ((ended_at is null) = (ended is null)),
    constraint consents_end_after_they_begin check (ended_at >= given_at),
    constraint consents_are_done_when_withdrawn check (done_at is null or ended = 'withdrawn')
);

-- One stands for each person, service and purpose.
create unique index consents_stand_once on consents (person, service, purpose)
    where ended_at is null;

create index consents_of_a_person on consents (person, id);
create index consents_to_be_dropped on consents (service, ended_at)
    where ended = 'withdrawn' and done_at is null;


-- A consent is a proof: it ends once, and nothing else of it changes.
create function consents_stay() returns trigger
language plpgsql
as $$
begin
    if tg_op <> 'UPDATE' then
        raise exception 'consents are kept';
    end if;

    if (new.id, new.person, new.service, new.purpose, new.version, new.assurance, new.language,
        new.given_at)
       is distinct from
       (old.id, old.person, old.service, old.purpose, old.version, old.assurance, old.language,
        old.given_at)
       or (old.ended_at is not null
           and (new.ended_at, new.ended) is distinct from (old.ended_at, old.ended))
       or (old.done_at is not null and new.done_at is distinct from old.done_at)
    then
        raise exception 'a consent ends once, and nothing else of it changes';
    end if;

    return new;
end
$$;

create trigger consents_stay before update or delete on consents
    for each row execute function consents_stay();
create trigger consents_stay_all before truncate on consents
    for each statement execute function consents_stay();


create function purposes_stay() returns trigger
language plpgsql
as $$
begin
    raise exception 'what was shown stays as it was';
end
$$;

create trigger purposes_stay before update or delete or truncate on purposes
    for each statement execute function purposes_stay();
