-- A fresh database has no statistics until autovacuum comes by, and plans made
-- without them are bad ones.

analyze core.units, core.unit_names, core.unit_parents, core.unit_successors,
    core.categories, core.reasons, core.calendar_days, core.calendar_hours,
    geo.areas, geo.pieces;
