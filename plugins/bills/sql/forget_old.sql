-- Drops who has looked up whom, and who has tried to prove what, when it decides nothing
-- any more, and what is left of erased citizens.
create function forget_old()
returns int
language plpgsql
as $$
declare
    n  int;
begin
    delete from lookups l where l.at < now() - interval '30 days';
    get diagnostics n = row_count;
    delete from proofs p where p.at < now() - interval '1 day';
    perform forget_erased();

    return n;
end
$$;
