-- In which language a payer is asked: a gateway that is asked again, by whoever looks after
-- what was left in the middle, is asked the same.
alter table intents
    add column language text not null default 'vi',
    add constraint intents_language check (language in ('vi', 'en'));
