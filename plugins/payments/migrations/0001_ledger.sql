-- The ledger, in double entry: each entry's lines add up to nought.
--
-- A line is an amount of đồng on an account, positive for debit, negative for
-- credit. What a gateway has taken and not yet paid out is a debit of
-- gateway:NAME; whom the money belongs to is a credit:
--
--   payee:SERVICE     the service that it was paid for
--   unapplied:NAME    nobody, so far: it came late, twice, or was another amount
--   refunding:NAME    the payer, to whom it is on its way back
--
-- Entries are made by the triggers of receipts and refunds (0002), nowhere
-- else. Nothing in here is ever changed or taken away.

create table ledger_accounts (
    code  text primary key,

    constraint ledger_accounts_are_of_a_kind
        check (code ~ '^(gateway|payee|unapplied|refunding):[a-z][a-z0-9_]{0,31}$')
);

create table ledger_entries (
    id       bigint generated always as identity primary key,
    kind     text not null,
    subject  uuid not null,                 -- the receipt or refund it books
    made_at  timestamptz not null default now(),
    made_in  xid8 not null default pg_current_xact_id(),

    constraint ledger_entries_are_of_a_kind
        check (kind in ('received', 'refund_promised', 'refund_paid', 'refund_refused')),
    constraint ledger_entries_book_once unique (kind, subject)
);

create table ledger_lines (
    entry    bigint not null references ledger_entries,
    account  text not null references ledger_accounts,
    amount   bigint not null,

    primary key (entry, account),
    constraint ledger_lines_say_something check (amount <> 0),
    constraint ledger_lines_are_exact check (abs(amount) <= 1000000000000)
);

create index ledger_lines_of_account on ledger_lines (account) include (amount);


-- An entry balances when its transaction ends, or there is no transaction.
create function ledger_balances()
returns trigger
language plpgsql
as $$
declare
    entry_id  bigint := case tg_table_name when 'ledger_lines'
                             then (to_jsonb(new) ->> 'entry')::bigint
                             else (to_jsonb(new) ->> 'id')::bigint end;
    n         int;
    total     numeric;
begin
    select count(*), coalesce(sum(l.amount), 0) into n, total
      from ledger_lines l where l.entry = entry_id;

    if n < 2 or total <> 0 then
        raise exception using
            errcode = 'check_violation',
            constraint = 'ledger_balances',
            message = format('entry %s does not balance: %s lines, %s over',
                             entry_id, n, total);
    end if;

    return null;
end
$$;

create constraint trigger ledger_lines_balance after insert on ledger_lines
    deferrable initially deferred for each row execute function ledger_balances();
create constraint trigger ledger_entries_balance after insert on ledger_entries
    deferrable initially deferred for each row execute function ledger_balances();


-- A balanced pair of lines would pass the check above: what was booked in
-- another transaction is closed to them as well.
create function ledger_entry_is_open()
returns trigger
language plpgsql
as $$
begin
    if not exists (select from ledger_entries e
                    where e.id = new.entry
                      and e.made_in = pg_current_xact_id()) then
        raise exception using
            errcode = 'check_violation',
            constraint = 'ledger_entry_is_open',
            message = format('entry %s is closed', new.entry);
    end if;

    return new;
end
$$;

create trigger ledger_entry_is_open before insert on ledger_lines
    for each row execute function ledger_entry_is_open();


create function ledger_is_append_only()
returns trigger
language plpgsql
as $$
begin
    raise exception using
        errcode = 'integrity_constraint_violation',
        constraint = 'ledger_is_append_only',
        message = format('%s are not changed: book an entry that corrects',
                         tg_table_name);
end
$$;

create trigger append_only before update or delete or truncate on ledger_accounts
    for each statement execute function ledger_is_append_only();
create trigger append_only before update or delete or truncate on ledger_entries
    for each statement execute function ledger_is_append_only();
create trigger append_only before update or delete or truncate on ledger_lines
    for each statement execute function ledger_is_append_only();


-- Books an amount from one account to another, once for each kind and subject:
-- a second time is an error (ledger_entries_book_once).
create function ledger_book(kind text, subject uuid, amount bigint,
                            debit text, credit text)
returns void
language plpgsql
as $$
declare
    entry_id  bigint;
begin
    insert into ledger_accounts (code)
    values (debit), (credit)
    on conflict (code) do nothing;

    insert into ledger_entries (kind, subject)
    values (ledger_book.kind, ledger_book.subject)
    returning id into entry_id;

    insert into ledger_lines (entry, account, amount)
    values (entry_id, debit, ledger_book.amount),
           (entry_id, credit, -ledger_book.amount);
end
$$;
