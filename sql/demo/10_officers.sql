-- Who the development tokens are (docs/conventions.md): a citizen with an
-- account and consent, an officer of the ward Hoàn Kiếm with every handling
-- role, an administrator of that ward, and oversight of the whole city. No
-- names: nobody real is meant.

select person_ensure(null, 'https://dev.ihanoi.example', 'demo-citizen', null);

insert into core.consents (person, notice, hash, language, given)
select p.id, n.version, n.hash, 'vi', true
from core.people p, core.privacy_notices n
where p.issuer = 'https://dev.ihanoi.example' and p.subject = 'demo-citizen'
  and n.version = privacy_notice_now();

insert into core.personal (person, full_name, phone, email, commune, language)
select p.id, 'Công dân thử nghiệm', '+84900000001', 'citizen@ihanoi.example',
       '00070', 'vi'
from core.people p
where p.issuer = 'https://dev.ihanoi.example' and p.subject = 'demo-citizen';

select officer_bootstrap('https://dev.ihanoi.example', 'demo-officer', '00070', r.role)
from unnest(array['receive', 'assign', 'process', 'resolve', 'approve']) r (role);

select officer_bootstrap('https://dev.ihanoi.example', 'demo-colleague', '00070', 'process');
select officer_bootstrap('https://dev.ihanoi.example', 'demo-colleague', '00070', 'resolve');
select officer_bootstrap('https://dev.ihanoi.example', 'demo-admin', '00070', 'administer');
select officer_bootstrap('https://dev.ihanoi.example', 'demo-oversight', 'HN', 'oversee');
