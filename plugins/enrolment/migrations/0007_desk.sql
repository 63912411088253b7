-- An officer's applications are found by the school, not among all of the round.
create index applications_at_school on applications (round, school) where school is not null;
