-- Search: pairs of neighbouring words, commune, category, day and week are
-- lexemes of their own, so that the index alone answers and no row is looked
-- at that is not shown. (With weights in one lexeme, a search typed without
-- marks had to look at every case that holds the word with marks.)

set local lock_timeout = '5s';
set local role ihanoi_owner;

comment on column feedback.searches.words is
    'What feedback_words() of the release makes of the public text: "=đường" '
    'as typed, "=ổ=gà" neighbours as typed, "duong" without marks, "~…" '
    'commune, category, day and week';

insert into core.jobs (kind, key, run_at)
values ('feedback_reindex', '', core.now());
