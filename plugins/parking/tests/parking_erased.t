# A citizen's account is erased: what is not booked goes, a booking that is over is nobody's
# and has no plate, one that is not over is used first.

use lib 'tests/lib', 'plugins/payments/tests/lib', 'plugins/parking/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Parking::Test;

my ($gw, $db) = parking();

sub rows { my ($table, $where) = @_; return $db->sql("select count(*) from plugin_parking.$table where $where") }
# Where in the tables of the plugin the citizen's name or plate stands.
sub traces { return plugin_traces($db, 'parking', 'citizen-1|30A12345') }
sub of { my ($b) = @_; return $db->sql("select concat_ws(' ', owner, state, price, plate) from plugin_parking.bookings where id = '$b->{id}'") }

my $asked = quote();
my $given_back = hold(quote(), plate => '30A12345');
cancel($given_back);
my $used = paid(plate => '30A12345');
my $next = paid(plate => '30A12345');
my $other = paid(plate => '29B54321', as => 'citizen-2');

$used = began($used, 5);
tell('entered', $used, 'arrive+0');
tell('exited', $used, 'arrive+2');
sweep();
is(now_read($used)->{state}, 'settled', 'a place was used, one is booked, one was given back');
is(traces(), 'bookings notices quotes', 'all under a name, and with a plate');

is(plugin_erase($db, $gw, 'parking', 'citizen-1'), 'ok', 'the account is erased') or diag $gw->error_log;
is(rows('quotes', "id = '$asked->{id}'"), 0, 'the quote that was not booked is gone');
is(of($used), "erased settled $used->{price}", 'what was used and paid is kept, as nobody\'s');
is(rows('charges', "booking = '$used->{id}' and key is null"), 1, '... and without the key that the client chose');
is(of($given_back), "erased cancelled $given_back->{price}", 'so is what was given back');
like(of($next), qr/citizen-1 paid \d+ 30A12345/, 'the barrier knows what is still to be used');
like(of($other), qr/citizen-2 paid \d+ 29B54321/, 'that of others stays');
is(now_read($used)->{status}, 404, 'who comes back does not see what there was');

my $new = quote();
is(plugin_erase_again($db, 'parking', 'citizen-1'), 'ok', 'the event comes once more');
is(rows('quotes', "id = '$new->{id}'"), 1, '... and takes nothing from who has come back');
$db->sql("delete from plugin_parking.quotes where id = '$new->{id}'");

$next = began($next, 5);
tell('entered', $next, 'arrive+0');
tell('exited', $next, 'arrive+2');
sweep();
is(of($next), "erased settled $next->{price}", 'when it has been used it is nobody\'s too');
is(traces(), '', 'and nothing says who that was');
like($db->sql_error("update plugin_parking.bookings set owner = 'erased' where id = '$other->{id}'"),
     qr/what a booking is about does not change/, 'a booking that is not over is somebody\'s');
sound('erased');

done_testing;
