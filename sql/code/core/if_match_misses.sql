-- Whether a write was made from another version than the one that stands. "*" is
-- any. Of a tag what stands before "-" counts: the rest is how a reader saw that
-- version (feedback_etag), not another one.
create function if_match_misses(if_match jsonb, version text)
returns boolean
language plpgsql immutable
as $$
begin
    return not if_match ? '*'
           and not exists (select from jsonb_array_elements_text(if_match) t (tag)
                           where split_part(t.tag, '-', 1) = version);
end
$$;
