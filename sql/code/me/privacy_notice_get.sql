-- GET /v1/privacy-notice: the notice that holds now, in both languages, with
-- the hash that a consent to it keeps.
create function privacy_notice_get(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, n.hash,
           json_build_object(
               'version', n.version, 'hash', n.hash, 'valid_from', n.valid_from,
               'title', json_build_object('vi', n.title_vi, 'en', n.title_en),
               'text', json_build_object('vi', n.text_vi, 'en', n.text_en))
    from core.privacy_notices n
    where n.version = privacy_notice_now()
$$;
