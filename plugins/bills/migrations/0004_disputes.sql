-- What citizens say against a bill.
--
--   opened --> forwarded --> answered --> closed
--
-- The company may answer before we have heard that it got it; the citizen may close
-- it at any time. A bill has one dispute of a citizen that is not closed.
create table disputes (
    id           uuid primary key,      -- also what the company knows it by
    citizen      text not null,
    key          text not null,         -- the Idempotency-Key it was opened with
    bill         uuid not null references bills,
    reason       text not null,
    text         text not null,
    state        text not null default 'opened',
    answer       text,
    answered_at  timestamptz,           -- as the company says
    created_at   timestamptz not null default now(),
    changed_at   timestamptz not null default now(),
    closed_by    text,
    due_at       timestamptz not null default now(),
    checks       int not null default 0,

    constraint disputes_key_once unique (citizen, key),
    constraint disputes_reason_known check (reason in ('reading', 'amount', 'period', 'not_mine', 'paid', 'other')),
    constraint disputes_state_known check (state in ('opened', 'forwarded', 'answered', 'closed')),
    constraint disputes_answer_has_time check ((answer is null) = (answered_at is null)),
    constraint disputes_answered_have_one check (state <> 'answered' or answer is not null),
    constraint disputes_closed_by_somebody check ((closed_by is not null) = (state = 'closed')),
    constraint disputes_closed_by_known check (closed_by in ('citizen', 'time'))
);

create unique index disputes_open_once on disputes (citizen, bill) where state <> 'closed';
create index disputes_of_citizen on disputes (citizen, id desc);
create index disputes_due on disputes (due_at) where state <> 'closed';

insert into transitions values
    ('disputes', 'opened', 'forwarded'), ('disputes', 'opened', 'answered'), ('disputes', 'opened', 'closed'),
    ('disputes', 'forwarded', 'answered'), ('disputes', 'forwarded', 'closed'),
    ('disputes', 'answered', 'closed');

create trigger state_change before update on disputes
    for each row execute function state_change();
