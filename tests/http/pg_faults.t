# A PostgreSQL that misbehaves: IHanoi::FakePg speaks the protocol and breaks
# it to order. Whatever it does, each request gets one answer, its own, in
# bounded time; a write is never called done, nor refused, on a guess.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Pg;
use IHanoi::FakePg;
use File::Temp;
use Time::HiRes qw(time);

# Answers what the contract's operations ask for: the columns differ.
sub answer {
    my ($c, $sql, @parameters) = @_;

    return $c->row if $sql !~ /p_(\w+)/;
    my $a = $parameters[-1] // '';

    return $sql =~ /location/ ? $c->row('200', undef, undef, qq({"a":"$a"}))
                              : $c->row('200', undef, qq({"a":"$a"}));
}

sub is_write { $_[0] =~ /location/ }

sub echo { my ($gw, $a) = @_; outcome($gw->get("/p/echo?a=$a")) }
sub put  { my ($gw, $a) = @_; outcome($gw->put("/p/row?a=$a")) }

scene 'messages in pieces, with notices at odd places' => sub {
    my $fake = IHanoi::FakePg->new(
        chunk => 1, pause => 0.00005,
        answer => sub {
            my ($c) = @_;
            $c->notice('01000', 'something else');
            $c->parameter('TimeZone', 'UTC');
            $c->notify;
            answer(@_);
            $c->notice('00000', 'after the row');
        },
    );

    # A pause is as long as the machine is busy: patience is not what is shown.
    my $gw = fake_gateway($fake, database =>
                          'read timeout=20s; write timeout=20s;');

    # Each is its own answer, though they arrive byte by byte.
    my @got = parallel(map { my $n = $_; sub { echo($gw, "r$n") } } 1 .. 6);
    is_deeply(\@got, [map { qq(200 {"a":"r$_"}) } 1 .. 6], 'reads');
    is(put($gw, 'w'), '200 {"a":"w"}', 'a write');
};


scene 'an error after the row, when it commits' => sub {
    my $fake = IHanoi::FakePg->new(
        answer => \&answer,
        sync   => sub {
            my ($c, $sql) = @_;
            $c->error('23505', 'late') if $sql =~ /p_row/ && $sql !~ /^prep/;
            $c->ready;
        },
    );
    my $gw = ready(fake_gateway($fake));

    like(put($gw, 'w'), qr/^500 /, 'the row is not an answer');
    is(echo($gw, 'r'), '200 {"a":"r"}', 'others are not touched');
};


scene 'a commit that was not replicated' => sub {
    # Text of a server that speaks Vietnamese: only the function's name tells.
    my $fake = IHanoi::FakePg->new(answer => sub {
        my ($c, $sql) = @_;
        answer(@_);
        $c->notice('01000', 'đã hủy', R => 'SyncRepWaitForLSN')
            if is_write($sql);
    });
    my $gw = ready(fake_gateway($fake));

    is(put($gw, 'w'), '503 outcome-unknown', 'is an unknown outcome');
    is(echo($gw, 'r'), '200 {"a":"r"}', 'reads go on');
};


for my $moment (qw(accepted startup prepare answer sync)) {
    scene "a reset of the connection at: $moment" => sub {
        my $fake = IHanoi::FakePg->new(
            answer => \&answer,
            $moment => sub { my ($c) = @_; $c->note('reset'); $c->reset },
        );
        my $gw = fake_gateway($fake, log_level => 'warn');
        my $begin = time;

        like(echo($gw, 'r'), qr/^503 database-unavailable/, 'read');
        like(put($gw, 'w'), $moment eq 'answer'
             ? qr/^503 outcome-unknown/
             : qr/^503 database-unavailable/, 'write');
        cmp_ok(time - $begin, '<', 4, 'in bounded time');

        # Full jitter: no storm, no giving up.
        my $first = () = $fake->events;
        sleep 1;
        my $next = () = $fake->events;
        cmp_ok($next - $first, '<', 60, 'it is not stormed');
    };
}


for my $moment (qw(accepted startup prepare answer sync)) {
    scene "silence at: $moment" => sub {
        my $fake = IHanoi::FakePg->new(
            answer => \&answer,
            $moment => sub { $_[0]->hang },
        );
        my $gw = fake_gateway($fake, log_level => 'warn', database => <<'CONF');
            connect_timeout 300ms;
            read connections=1 wait=200ms timeout=400ms;
            write connections=1 wait=200ms timeout=400ms;
CONF
        my $begin = time;

        like(echo($gw, 'r'), qr/^50[34] database-(?:unavailable|timeout)/, 'read');
        like(put($gw, 'w'), qr/^503 (?:database-unavailable|outcome-unknown)/, 'write');
        cmp_ok(time - $begin, '<', 2, 'in bounded time');
        is_deeply([map { counted($gw, 'timeouts_total', $_) } qw(read write)], [1, 1], 'is counted')
            if $moment eq 'answer';
    };
}


scene 'what a client is told to do about it' => sub {
    my $fake = IHanoi::FakePg->new(answer => sub {
        my ($c, $sql) = @_;
        return answer(@_) if $sql !~ /p_(row|fresh)/;
        $c->note($1);
        $c->reset;
    });
    my $gw = ready(fake_gateway($fake));
    my $r = $gw->put('/p/row?a=w', headers => { 'Accept-Language' => 'en' });

    is(outcome($r), '503 outcome-unknown', 'a write without a key');
    is(scalar(grep { $_ eq 'row' } $fake->events), 1, 'is sent once');
    like($r->{json}{detail}, qr/if it had none, look at the data before you repeat it/,
         'and not to be repeated blindly');
    is(outcome($gw->get('/p/fresh?a=r')), '503 database-unavailable',
       'a GET from the primary did nothing: it may be repeated');
};


scene 'a write with a key that was sent, and then no server' => sub {
    my $marker = File::Temp->new->filename;
    my $gone = sub { $_[0]->reset if -e $marker };
    my $fake = IHanoi::FakePg->new(
        accepted => $gone,
        answer   => sub {
            my ($c, $sql) = @_;
            return answer(@_) if !is_write($sql);

            open my $fh, '>', $marker;
            $c->reset;
        },
    );
    my $gw = ready(fake_gateway($fake, log_level => 'warn', database => <<'CONF'));
        write connections=1 wait=300ms timeout=2s;
CONF

    # The first sending may have been committed: nobody can say it was not.
    is(outcome($gw->post('/p/claim', token => token(sub => 'a'),
                         key => 'k1', json => { a => 'x' })),
       '503 outcome-unknown', 'is an unknown outcome');
    is_deeply([map { counted($gw, $_, 'write') } qw(connects_total lost_total retries_total unknown_total)],
              [1, 1, 1, 1], 'all of it is counted');
    cmp_ok(counted($gw, 'connect_failures_total', 'write'), '>', 0,
           'the attempts to connect, too');
    unlink $marker;
};


scene 'a write with a key that was sent, and then held up by a lock' => sub {
    my $marker = File::Temp->new->filename;
    my $fake = IHanoi::FakePg->new(answer => sub {
        my ($c, $sql) = @_;
        return answer(@_) if !is_write($sql);
        return $c->error('55P03', 'lock timeout') if -e $marker;

        open my $fh, '>', $marker;
        $c->reset;
    });
    my $gw = ready(fake_gateway($fake));

    # Whose lock but the first sending's?
    is(outcome($gw->post('/p/claim', token => token(sub => 'a'),
                         key => 'k1', json => { a => 'x' })),
       '503 outcome-unknown', 'is an unknown outcome');
    unlink $marker;
};


my %garbage = (
    'no message at all' => sub { $_[0]->write("\x7f" x 64) },
    'an unknown message' => sub { $_[0]->say('V', 'what') },
    'a row without a description' => sub { $_[0]->say('D', pack 'nN', 1, 9) },
    'a ready that nobody asked for' => sub { $_[0]->ready },
    'a length beyond reason' => sub { $_[0]->write("D\x7f\xff\xff\xff") },
);

for my $what (sort keys %garbage) {
    scene "garbage: $what" => sub {
        my $fake = IHanoi::FakePg->new(answer => sub {
            my ($c, $sql, @parameters) = @_;
            $garbage{$what}->($c) if ($parameters[-1] // '') eq 'bad';
            answer(@_);
        });
        my $gw = ready(fake_gateway($fake, database => <<'CONF'));
            read connections=1 timeout=500ms;
            write connections=1 timeout=500ms;
CONF

        my $read = echo($gw, 'bad');
        my $write = put($gw, 'bad');

        # Nobody can know whether it was done.
        like($read, qr/^50[34] /, 'read');
        is($write, '503 outcome-unknown', 'write');
        is(wait_until(sub { my $o = echo($gw, 'r'); $o =~ /^200/ && $o }),
           '200 {"a":"r"}', 'and the next read is served');
    };
}


# A batch: calls of one turn share a Sync, so their answers could be taken for
# each other's. The first connection that is asked for "b" goes wrong.
my %odd = (
    'an answer is missing' => { answer => sub {} },
    'an answer comes twice' => { answer => sub { answer(@_); answer(@_) } },
    'the first is not answered' => { of => 'a', answer => sub {} },
    'an error, and the rest is not skipped' => {
        answer => sub { $_[0]->error('22012', 'no'); $_[0]{aborted} = 0 } },
    'an absent statement' => { asked => 1, answer => sub { $_[0]->error('26000', 'no') } },
    'ready in the middle' => { answer => sub { answer(@_); $_[0]->ready } },
    'the end in the middle' => { answer => sub { answer(@_); $_[0]->reset } },
    'an error with the Sync' => { sync => sub { $_[0]->error('40001', 'no'); $_[0]->ready } },
    # In one piece: what waited is being sent when the second one is read.
    'ready twice' => { asked => 1, sync => sub {
        $_[0]->write(join '', ('Z' . pack 'Na', 5, 'I') x 2) } },
);

for my $what (sort keys %odd) {
    scene "a batch: $what" => sub {
        my $odd = $odd{$what};
        my $marker = File::Temp->new->filename;
        my $wrong;
        my $fake = IHanoi::FakePg->new(
            answer => sub {
                my ($c, $sql, @parameters) = @_;
                my $a = $parameters[-1] // '';
                $c->note($a);
                return answer(@_) if $a ne ($odd->{of} // 'b') || -e $marker;
                open my $fh, '>', $marker;
                $wrong = 1;
                ($odd->{answer} // \&answer)->(@_);
            },
            sync => sub {
                my ($c) = @_;
                return $c->ready if !$wrong || !$odd->{sync};
                $wrong = 0;
                $odd->{sync}->($c);
            },
        );
        my $gw = ready(fake_gateway($fake, log_level => 'crit', database => <<'CONF'));
            read connections=1 depth=4 wait=5s timeout=5s;
CONF
        my @got = one_turn($gw, map { "/p/echo?a=$_" } 'a' .. 'f');
        is(join(' ', map { $_->{json}{a} // $_->{status} } @got), 'a b c d e f',
           'each has its own answer');
        is(scalar(grep { $_ eq 'a' } $fake->events), $odd->{asked} // 2,
           'and nobody is told what may be somebody else\'s');
        is(said($gw, qr/exited on signal/), 0, 'the worker lives');
        unlink $marker;
    };
}


scene 'retries of what was not executed' => sub {
    my %count;

    # One connection, so one process sees all calls.
    my $fake = IHanoi::FakePg->new(
        answer => sub {
            my ($c, $sql, @parameters) = @_;
            my $a = $parameters[-1] // '';
            my ($state, $times) = $a =~ /^(\w{5})x(\d)/;

            return answer(@_) if !$state || $count{$a}++ >= $times;
            $c->note("$a failed");
            $c->error($state, 'no');
        },
        prepare => sub {
            my ($c, $sql) = @_;
            $c->note('prepare') if $sql =~ /p_row/;
            $c->say('1');
        },
    );
    my $gw = ready(fake_gateway($fake, database => <<'CONF'));
        write connections=1 timeout=3s;
CONF

    is(put($gw, '40001x2'), '200 {"a":"40001x2"}', 'serialization: twice');
    is(put($gw, '40P01x1'), '200 {"a":"40P01x1"}', 'deadlock');
    like(put($gw, '40001x3'), qr/^50[03] /, 'but not for ever');
    is(put($gw, '26000x1'), '200 {"a":"26000x1"}', 'absent statement: once');
    is(put($gw, '0A000x1'), '200 {"a":"0A000x1"}', 'stale plan: once');
    like(put($gw, '0A000x2'), qr/^50[03] /, 'but not for ever');
    is(scalar(grep { $_ eq 'prepare' } $fake->events), 4,
       'and they were prepared anew');
    is(put($gw, '55P03x9') =~ /^50[39]|^409/, 1, 'a lock is reported');
    is(scalar(grep { /^55P03/ } $fake->events), 1, 'at once');
};


scene 'what an error of the server is to a client' => sub {
    my $fake = IHanoi::FakePg->new(
        startup => sub { $_[0]->note('connection'); $_[0]->welcome },
        answer  => sub {
            my ($c, $sql, @parameters) = @_;
            my ($state) = ($parameters[-1] // '') =~ /^(\w{5})!/;

            return answer(@_) if !$state;
            $c->error($state, 'no');
        });
    my $gw = ready(fake_gateway($fake, expect_log => qr/\[(?:alert|crit)\]/, database => <<'CONF'));
        read connections=1;
        write connections=1;
CONF

    for my $row (
        ['40P01', '503 overloaded', 1],
        ['55P03', '503 overloaded', 1],
        ['57014', '504 database-timeout', 1],
        ['53100', '503 database-unavailable', 5],
        ['53200', '503 database-unavailable', 5],
        ['58030', '503 database-unavailable', 5],
        ['22012', '500 internal-error', 'none'],
        ['XX000', '500 internal-error', 'none'],
    ) {
        my ($state, $outcome, $retry) = @$row;

        for my $r ($gw->get("/p/echo?a=$state!"), $gw->put("/p/row?a=$state!")) {
            is(outcome($r) . ' ' . ($r->{headers}{'retry-after'} // 'none'), "$outcome $retry", "SQLSTATE $state");
        }
    }

    # A transaction that failed before: the session is not used again.
    my $connections = () = $fake->events;
    is(put($gw, '25P02!'), '500 internal-error', 'SQLSTATE 25P02');
    ok(said($gw, qr/\[alert\].*left in a failed transaction before call "p_row"/), 'is told');
    is(put($gw, 'w'), '200 {"a":"w"}', 'the next call is answered');
    is(scalar(() = $fake->events), $connections + 1, 'on another connection');
};


scene 'a standby is not written to' => sub {
    my $standby = IHanoi::FakePg->new(
        startup => sub { $_[0]->welcome(in_hot_standby => 'on') },
        answer  => sub {
            my ($c, $sql) = @_;
            $c->note('write') if is_write($sql);
            answer($c, $sql, 'standby');
        },
    );
    my $primary = IHanoi::FakePg->new(
        answer => sub { answer(@_[0, 1], 'primary') });
    my $gw = ready(fake_gateway($standby, $primary));

    is(put($gw, 'w'), '200 {"a":"primary"}', 'writes find the primary');
    is(wait_until(sub { echo($gw, 'r') =~ /primary/ && echo($gw, 'r') }, 6),
       '200 {"a":"primary"}', 'reads prefer it');

    $primary->stop;
    is(wait_until(sub { my $o = echo($gw, 'r'); $o =~ /^200/ && $o }),
       '200 {"a":"standby"}', 'and go to the standby without it');
    like(put($gw, 'w'), qr/^503 (?:database-unavailable|outcome-unknown)/,
         'writes wait for one');
    is(scalar(grep { $_ eq 'write' } $standby->events), 0,
       'the standby has not seen a write');

    $primary = IHanoi::FakePg->new(
        port => $primary->port, answer => sub { answer(@_[0, 1], 'primary') });
    is(wait_until(sub { put($gw, 'w') =~ /^200/ }, 20), 1, 'it is there again');
    is(wait_until(sub { echo($gw, 'r') =~ /primary/ && echo($gw, 'r') }, 20),
       '200 {"a":"primary"}', 'and so are the reads');
};


# The jobs are a write on a connection that reads too.
for my $parameter (qw(in_hot_standby default_transaction_read_only)) {
scene "jobs while nothing but a server with $parameter is there" => sub {
    my $server = IHanoi::FakePg->new(
        startup => sub {
            my ($c, %parameters) = @_;
            $c->note('control') if $parameters{user} eq 'ihanoi_control';
            $c->welcome($parameter => 'on');
        },
        answer => sub {
            my ($c, $sql) = @_;
            return answer($c, $sql, 'server') if $sql !~ /jobs_run/;
            $c->note('jobs');
            $c->error('25006', 'cannot execute in a read-only transaction');
        },
    );
    my $gw = fake_gateway($server, http => 'ihanoi_jobs main interval=100ms;');
    my $seen = sub { my ($what) = @_; scalar grep { $_ eq $what } $server->events };

    ok(wait_until(sub { $seen->('jobs') >= 10 }, 20), 'are refused again and again');
    cmp_ok($seen->('control'), '<=', 2, 'by connections that stay');
};
}


scene 'a primary that became a standby' => sub {
    my $marker = File::Temp->new->filename;     # gone at once: a free name
    my $old = IHanoi::FakePg->new(
        startup => sub {
            $_[0]->welcome(in_hot_standby => -e $marker ? 'on' : 'off');
        },
        answer => sub {
            my ($c, $sql) = @_;
            return answer($c, $sql, 'old') if !is_write($sql);

            # As PostgreSQL does: a refusal, then the parameter's new value.
            open my $fh, '>', $marker;
            $c->note('write');
            $c->error('25006', 'cannot execute in a read-only transaction');
            $c->parameter('in_hot_standby', 'on');
        },
    );
    my $new = IHanoi::FakePg->new(answer => sub { answer(@_[0, 1], 'new') });
    my $gw = ready(fake_gateway($old, $new, database => <<'CONF'));
        write connections=2 wait=2s;
CONF

    is(put($gw, 'w'), '200 {"a":"new"}', 'the write finds the new primary');
    is(put($gw, 'w'), '200 {"a":"new"}', 'and so does the next');
    cmp_ok(scalar(grep { $_ eq 'write' } $old->events), '<=', 2,
           'the old one was asked once by a connection at most');
    unlink $marker;
};


scene 'the first of two servers says nothing' => sub {
    my $silent = IHanoi::FakePg->new(accepted => sub { $_[0]->hang });
    my $good = IHanoi::FakePg->new(answer => \&answer);
    my $gw = fake_gateway($silent, $good);
    my $begin = time;

    # One connection tries it; the others do not wait for that.
    ready($gw);
    is(echo($gw, 'r'), '200 {"a":"r"}', 'reads');
    is(put($gw, 'w'), '200 {"a":"w"}', 'writes');
    cmp_ok(time - $begin, '<', 3, 'before that attempt ends');
};


scene 'a standby that reads prefer' => sub {
    my @standby = (startup => sub { $_[0]->welcome(in_hot_standby => 'on') },
                   answer => sub { answer(@_[0, 1], 'standby') });
    my $standby = IHanoi::FakePg->new(@standby);
    my $primary = IHanoi::FakePg->new(answer => sub { answer(@_[0, 1], 'primary') });
    my $gw = ready(fake_gateway($primary, $standby, database => 'read target=standby;'));
    my $reads = sub { my $who = shift; wait_until(sub { echo($gw, 'r') =~ /$who/ }, 20) };

    ok($reads->('standby'), 'they go there');
    $standby->stop;
    ok($reads->('primary'), 'to the primary without it');
    ok(wait_until(sub { said($gw, qr/could not connect to \S+ for read/) }), 'and it is away');

    $standby = IHanoi::FakePg->new(port => $standby->port, @standby);
    ok($reads->('standby'), 'and back when it is there again');
    ok(wait_until(sub { counted($gw, 'connections', 'read') == 2 }), 'with both connections');
};


scene 'a slow call on a standby that nobody waits for' => sub {
    my $standby = IHanoi::FakePg->new(
        startup => sub { $_[0]->welcome(in_hot_standby => 'on') },
        answer  => sub {
            my ($c, $sql, @parameters) = @_;

            if ($sql =~ /p_slow/ && $parameters[-1] > 0) {
                $c->note('slow');
                $c->hang;
            }

            answer($c, $sql, 'standby');
        },
    );
    my $primary = IHanoi::FakePg->new(answer => sub {
        my ($c, $sql) = @_;
        $c->note('signal') if $sql =~ /pg_(?:cancel|terminate)_backend/;
        answer(@_);
    });
    my $gw = ready(fake_gateway($standby, $primary, database => <<'CONF'));
        slow connections=1 wait=4s timeout=20s target=standby;
CONF
    wait_until(sub { outcome($gw->get('/p/slow?s=0')) =~ /standby/ }, 10);

    my $client = $gw->connection;
    $client->send("GET /p/slow?s=9 HTTP/1.1\r\nHost: x\r\n\r\n");
    ok(wait_until(sub { grep { $_ eq 'slow' } $standby->events }), 'it runs');
    undef $client;

    my $begin = time;
    like(outcome($gw->get('/p/slow?s=0')), qr/^200 /,
         'the next slow call is served');
    cmp_ok(time - $begin, '<', 3, 'without waiting for it');
    is(scalar(grep { $_ eq 'signal' } $primary->events), 0,
       'and no backend of the primary is hit in its place');
    is(said($gw, qr/connection to \S+ lost/), 0, 'which is no error');
};


scene 'a call without an end' => sub {
    my $fake = IHanoi::FakePg->new(answer => sub {
        my ($c, $sql, @parameters) = @_;

        if ($sql =~ /pg_terminate_backend/) {
            $c->note("terminate $parameters[0]");
            return $c->row('f', 't');
        }

        if (($parameters[-1] // '') eq 'endless') {
            $c->note("endless $$");
            $c->hang;
        }

        answer(@_);
    });
    my $gw = ready(fake_gateway($fake, database => <<'CONF'));
        write connections=1 wait=100ms timeout=300ms;
CONF

    is(put($gw, 'endless'), '503 outcome-unknown', 'its client is told');
    is(put($gw, 'w'), '503 overloaded', 'its connection takes no other');
    is_deeply([map { counted($gw, $_, 'write') } qw(timeouts_total unknown_total shed_total)],
              [1, 1, 1], 'all of it is counted');

    ok(wait_until(sub { grep { /^terminate/ } $fake->events }, 12),
       'PostgreSQL is asked to end it');
    my ($endless) = map { /^endless (\d+)/ } $fake->events;
    my ($ended) = map { /^terminate (\d+)/ } $fake->events;
    is($ended, $endless, 'that one');

    kill KILL => $endless;
    is(wait_until(sub { my $o = put($gw, 'w'); $o =~ /^200/ && $o }),
       '200 {"a":"w"}', 'and another connection takes its place');
};


scene 'no server at all' => sub {
    my $fake = IHanoi::FakePg->new;
    my $port = $fake->port;
    $fake->stop;

    my $gw = pg_gateway(db => { name => 'x', release => 'pools' },
                        database => "server 127.0.0.1:$port;\nread wait=8s timeout=10s;\n");
    like(echo($gw, 'r'), qr/^503 database-unavailable/, 'is a 503');
    sleep 1;

    my $begin = time;
    my $r = $gw->get('/p/echo?a=r');
    is($r->{status}, 503, 'later too');
    like($r->{headers}{'retry-after'}, qr/^\d+$/, 'with Retry-After');
    cmp_ok(time - $begin, '<', 4, 'at once');
    cmp_ok(said($gw, qr/\[error\].*could not connect/), '<=', 4,
           'the log tells once');
};


done_testing();
