-- GET /v1/parking/apds/rates/{id}: the price of a segment of a tariff, as a RateTable: so
-- much for each increment that is begun, up to the cap, in these parts of the week. The id
-- is the tariff's, a hyphen, the number of the segment. A part that goes past midnight is
-- two.
create function apds_rate_read(caller jsonb, id text)
returns table (status int, etag text, body json)
language sql stable
as $$
    with rate as (
        select r.*, t.version, t.valid_from, t.valid_to, s.operator,
               '{monday,tuesday,wednesday,thursday,friday,saturday,sunday}'::text[] as week,
               extract(hour from r.starts)::int * 60 + extract(minute from r.starts)::int as begins
          from tariffs t
          join sites s on s.id = t.site and s.in_service
         cross join lateral (
               select x.*, row_number() over (order by x.days, x.starts) as n
                 from rates x where x.tariff = t.id) r
         where t.id = left(apds_rate_read.id, 36)::uuid
           and r.n = substr(apds_rate_read.id, 38)::int
    )
    select 200, null::text, json_build_object(
               'id', apds_rate_read.id, 'version', r.version,
               'rateTableName', apds_text(r.segment),
               'availability', 'public',
               'rateResponsibleParty', apds_reference(r.operator, 1, 'Organisation'),
               'validity', jsonb_build_object(
                   'validityStatus', 'definedByValidityTimeSpec',
                   'validityTimeSpecification', jsonb_strip_nulls(jsonb_build_object(
                       'overallStartTime', r.valid_from::timestamp at time zone 'Asia/Ho_Chi_Minh',
                       'overallEndTime', (r.valid_to + 1)::timestamp at time zone 'Asia/Ho_Chi_Minh',
                       'validPeriods', (
                           select jsonb_agg(jsonb_build_object(
                                      'recurringDayWeekMonthPeriod', jsonb_build_array(jsonb_build_object(
                                          'applicableDay', (select jsonb_agg(r.week[(d - 1 + p.later) % 7 + 1]
                                                                             order by (d - 1 + p.later) % 7)
                                                              from unnest(r.days) d))),
                                      'recurringTimePeriodOfDay', jsonb_build_array(jsonb_build_object(
                                          'startTimeOfPeriod', p.opens, 'endTimeOfPeriod', p.closes)))
                                      order by p.later)
                             from (select 0, to_char(r.starts, 'HH24:MI'), minute_of_day(least(r.begins + r.minutes, 1440))
                                    union all
                                   select 1, '00:00', minute_of_day(r.begins + r.minutes - 1440)
                                    where r.begins + r.minutes > 1440) p (later, opens, closes))))),
               'rateLineCollections', jsonb_build_array(jsonb_build_object(
                   'id', apds_rate_read.id || '-1', 'version', r.version, 'collectionSequence', 1,
                   'applicableCurrency', 'VND', 'relativeTimes', false, 'taxIncluded', true,
                   'rateLines', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
                       'id', apds_rate_read.id || '-1-1', 'version', r.version, 'sequence', 1,
                       'rateLineType', 'incrementingRate', 'usageCondition', 'unlimited',
                       'incrementPeriod', 'PT' || r.unit_minutes || 'M',
                       'value', r.price, 'maxValue', r.cap))))))
      from rate r
$$;
