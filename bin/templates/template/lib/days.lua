-- Some days that are not as their weekday says: holidays, days off in exchange
-- and the Saturdays that are worked for them.
--
-- like: the weekday (1 Monday ... 7 Sunday) whose hours the day has; nil: none.
-- verified: read in the announcement itself.

return {
    ["2026-01-01"] = { vi = "Tết Dương lịch", en = "New Year's Day",
                       source = "Labour Code 2019, art. 112", verified = true },
    ["2026-01-02"] = { vi = "Nghỉ hoán đổi", en = "Day off in exchange",
                       source = "yearly announcement", verified = false },
    ["2026-01-10"] = { like = 5, vi = "Làm bù", en = "Worked in exchange",
                       source = "yearly announcement", verified = false },
    ["2026-09-02"] = { vi = "Quốc khánh", en = "National Day",
                       source = "Labour Code 2019, art. 112", verified = true },
    ["2027-01-01"] = { vi = "Tết Dương lịch", en = "New Year's Day",
                       source = "Labour Code 2019, art. 112", verified = true },
    ["2027-09-02"] = { vi = "Quốc khánh", en = "National Day",
                       source = "Labour Code 2019, art. 112", verified = true },
}
