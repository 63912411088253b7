-- The address that the public reads: masked like a text, and none where the
-- category blurs the point (blur_m), which a house number would give away.
create function feedback_public_address(address text, blur_m int)
returns text
language sql immutable parallel safe
as $$
    select case when blur_m = 0 then text_mask(address) end
$$;
