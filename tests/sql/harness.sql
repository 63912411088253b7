-- The pgTAP harness itself.
begin;
select plan(2);

select matches(current_schemas(false)::text, 'code_\w+,public',
    'functions of the release are found unqualified');
select is((select count(*)::int from ihanoi.releases), 1,
    'the template has one release');

select * from finish();
rollback;
