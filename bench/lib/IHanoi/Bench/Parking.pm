package IHanoi::Bench::Parking;

# Parking: the nearest places beside a report by its id, and 200 people who want 50
# places at the same moment.

use strict;
use warnings;
use utf8;
use IHanoi::Bench qw(interleave);
use IHanoi::Bench::Stand;
use IHanoi::Bench::Table;
use IHanoi::Test ();
use IHanoi::Test::Plugin qw(plugin_database plugin_folder);
use JSON::PP ();
use Time::HiRes ();


sub sections {
    return (
        [parking => \&bench_parking],
    );
}


sub bench_parking {
    my $folder = "$tree/plugins/parking";
    my $database = plugin_database($large, $folder, 'read connections=8;',
                                   'write connections=4 wait=20s;');
    my $keys = paths('operator-keys', '{}');
    chmod 0600, $keys;

    my $gw = start($large, locations => <<'CONF', http => payments() . $database . <<"CONF");
location / { auth_jwt iHaNoi; ihanoi_api on; }
location ^~ /_parking { internal; return 404; }
CONF
ihanoi_plugin parking {
    path     $folder;
    public;
    database parking;
    interface payments.payments;
    event    payments.changed;
    event    person.erased;
    backend  operators /_parking;
    secret   operator_keys $keys;
    concurrency 256;
    timeout  20s;
    jobs     2m;
}
CONF

    places();

    my %paths = (
        get     => paths('parking-get', ids($large, 1000)),
        nearest => paths('nearest', map { $_->[0] } ask($large, <<'SQL')),
            select format('/v1/parking/sites?lat=%s&long=%s', round((20.95 + random() * 0.15)::numeric, 5),
                          round((105.75 + random() * 0.15)::numeric, 5))
              from generate_series(1, 1000)
SQL
    );
    my %measure = map { $_ => gets($gw, $paths{$_}) } keys %paths;

    answer_of($gw, '/v1/parking/sites?lat=21.03&long=105.85');
    $_->() for values %measure;
    my $all = interleave($rounds, %measure);

    at_most('the nearest 10 of 2,000 car parks : GET a report',
        per_round($all, rps => qw(get nearest)), 3,
        rates($all, qw(nearest get)));
    return crowd($gw);
}


# Parking asks for a plugin that takes money; nobody pays here.
sub payments {
    my $asked = JSON::PP->new->decode(IHanoi::Test::text_of('plugins/parking/plugin.json'));
    my @functions = qw(intent_create intent_read refund);
    my $plugin = plugin_folder(
        name     => 'payments',
        handler  => join("\n", 'local M = {}',
                         (map { "function M.$_() return nil, 'payment-gateway-away' end" } @functions),
                         'return M'),
        openapi  => { openapi => '3.1.0', info => { title => 'None', version => '1.0.0' },
                      paths => {} },
        manifest => {
            permissions => {},
            events      => { publishes => ['payments.changed'] },
            interfaces  => { offers => [{
                name => 'payments', functions => \@functions,
                version => $asked->{interfaces}{uses}[0]{version} }] },
        },
    );

    return $plugin->block;
}


# Car parks all over the city, each with places for cars and motorbikes that were
# just counted; and one that everybody wants, with 50 places that are sold ahead.
sub places {
    ask($large, <<'SQL');
        set search_path = plugin_parking, public;
        insert into operators (id, name) values ('bench', 'Bench') on conflict do nothing;
        select setseed(0.5);
        insert into sites (operator, name, address, location)
        select 'bench', 'Bãi đỗ xe số ' || n, 'Phố số ' || n,
               st_point(105.75 + random() * 0.15, 20.95 + random() * 0.15, 4326)
          from generate_series(1, 2000) n
         where not exists (select from sites);
        insert into supplies (site, vehicle, capacity, bookable)
        select s.id, v, 100, 50 from sites s cross join unnest(array['car', 'motorcycle']) v
        on conflict do nothing;
        update supplies set free = 40, observed_at = now();
        insert into openings select id, '{1,2,3,4,5,6,7}', '00:00', 1440 from sites on conflict do nothing;
        insert into tariffs (site, vehicle, valid_from)
        select site, vehicle, '2020-01-01' from supplies on conflict do nothing;
        insert into rates
        select id, 'all', '{1,2,3,4,5,6,7}', '00:00', 1440, 60, 10000, null from tariffs on conflict do nothing;
        -- What the run before has sold.
        set session_replication_role = replica;
        update bookings set hold_until = now() where state = 'held';
SQL
    ask($large, 'vacuum analyze plugin_parking.sites, plugin_parking.supplies');
    return;
}


sub crowd {
    my ($gw) = @_;
    require "$tree/plugins/parking/tests/lib/Parking/Crowd.pm";

    my ($port) = $gw->url =~ /:(\d+)/;
    my $site = ask_one($large, 'select id from plugin_parking.sites order by id limit 1');
    my ($from, $until) = map { $_->[0] } ask($large, <<'SQL');
        select to_char(now() at time zone 'UTC' + h * interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
          from unnest(array[2, 4]) h
SQL
    my @tokens = IHanoi::Test::tokens(map {
        { sub => "bench-$_", exp => time + 3600 } } 1 .. 200);
    my $ask = sub {
        my ($path, @bodies) = @_;
        return Parking::Crowd::at_once($port, map {
            { path => $path, token => $tokens[$_], json => $bodies[$_] } } 0 .. $#bodies);
    };
    my @quotes = $ask->('/v1/parking/quotes', map {
        { site => $site, vehicle => 'car', arrive => $from, leave => $until } } 1 .. 200);
    my $begin = Time::HiRes::time();
    my @holds = $ask->('/v1/parking/holds', map { { quote => $_->{json}{id} } } @quotes);
    my $took = Time::HiRes::time() - $begin;
    my $held = grep { $_->{status} == 201 } @holds;
    my $full = grep { $_->{status} == 409 } @holds;

    return row(what => '200 buyers at once for 50 places: holds', measured => $held,
               target => '= 50', ok => $held == 50 && $full == 150,
               detail => sprintf '%d were told that it is full; %.2f s for all', $full, $took);
}


1;
