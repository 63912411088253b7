package IHanoi::Plugin::LocalConf;

# The nginx.conf of a LocalGateway: the plugin with what it asks for, stubs of those
# whose interfaces it uses, the databases, and the issuer of development tokens.

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();

our @EXPORT_OK = qw($ISSUER configuration grants document);

our $ISSUER = 'https://dev.ihanoi.example';

my $json = JSON::PP->new->utf8->canonical->allow_nonref;


# The text of nginx.conf. Secrets and stubs are written beside it. Dies where something
# is asked for and not given.
sub configuration {
    my ($gateway) = @_;
    my ($dir, $plugin) = @$gateway{qw(dir plugin)};
    my $manifest = document($plugin->{folder}, 'plugin.json');
    my ($backends, $locations) = ('', '');

    for my $name (@{ ($manifest->{permissions} // {})->{backends} // [] }) {
        my $port = ($gateway->{backends} // {})->{$name}
            // die "the backend \"$name\" is asked for, and nothing says where "
                   . "it is\n";

        $backends .= "        backend $name /_backend_$name/;\n";
        $locations .= "        location ^~ /_backend_$name/ {\n"
            . "            internal;\n"
            . "            proxy_pass http://127.0.0.1:$port/;\n"
            . "            proxy_connect_timeout 2s;\n        }\n";
    }

    my $user = $> == 0 && getpwnam 'www-data' ? 'user www-data;' : '';
    my $clock = defined $gateway->{clock}
                ? "    ihanoi_plugin_clock $gateway->{clock};\n" : '';
    my $temp = join '', map { "    ${_}_temp_path $dir/$_;\n" }
                        qw(client_body proxy fastcgi uwsgi scgi);

    return <<"CONF";
$gateway->{module}
$user
worker_processes 1;
daemon off;
pid $dir/nginx.pid;
error_log $dir/error.log info;

events {
    worker_connections 512;
}

http {
$temp
    log_format requests '\$time_iso8601 \$request_id \$request_method \$status '
                        '\$request_time \$request_uri';
    access_log $dir/access.log requests;

    ihanoi_zone 16m;
$clock
@{[_database_blocks($gateway)]}
@{[_stubs($gateway, $manifest)]}
    ihanoi_plugin $plugin->{name} {
        path @{[_quoted($plugin->{folder})]};
        check always;
@{[grants($gateway, $manifest)]}$backends    }

    auth_jwt_issuer $ISSUER {
        key_file $dir/keys/jwks.json;
        audience ihanoi;
        algorithms ES256 ES384 ES512 RS256 PS256 EdDSA HS256;
        assurance_claim assurance;
        max_lifetime 24h;
    }

    server {
        listen 127.0.0.1:$gateway->{port};
        server_name localhost;
        client_max_body_size 256k;
        client_body_buffer_size 256k;
        add_header X-Request-Id \$request_id always;
        ihanoi_problems on;

        location / {
            auth_jwt iHaNoi;
            ihanoi_api on;
        }

        location = /readyz { ihanoi_status readyz; }
        location = /metrics { ihanoi_status metrics; }
        location = /openapi.json { ihanoi_status openapi; }

$locations    }
}
CONF
}


# A document of a plugin's folder.
sub document {
    my ($folder, $name) = @_;

    open my $fh, '<:raw', "$folder/$name" or die "there is no $name: $!\n";
    local $/;
    return $json->decode(scalar <$fh>);
}


sub _database_blocks {
    my ($gateway) = @_;
    my $cluster = $gateway->{cluster} // return '';
    my $name = $gateway->{plugin}{name};
    my $server = '        server unix:' . $cluster->socket . ' port='
               . $cluster->port . ";\n        dbname ihanoi;\n";
    my $text = '';

    $text .= "    ihanoi_database main {\n$server"
        . "        release $gateway->{release};\n        read_user ihanoi_read;\n"
        . "        write_user ihanoi_write;\n        control_user ihanoi_control;\n"
        . "    }\n" if defined $gateway->{release};

    $text .= "    ihanoi_database $name {\n$server        schema plugin_$name;\n"
        . "        user plugin_$name;\n    }\n" if $gateway->{plugin}{database};

    return $text;
}


# Plugins that stand for those whose interfaces are used: each function answers what
# was given for it, { result } or { error }. Their blocks.
sub _stubs {
    my ($gateway, $manifest) = @_;
    my (%offers, %functions);

    for my $use (@{ ($manifest->{interfaces} // {})->{uses} // [] }) {
        my $given = ($gateway->{interfaces} // {})->{"$use->{plugin}.$use->{name}"} // {};
        my @names = sort keys %$given;

        # An interface has functions; this one is nobody's.
        push @{ $offers{$use->{plugin}} }, { name => $use->{name}, version => $use->{version},
                                             functions => @names ? \@names : ['nothing'] };
        $functions{$use->{plugin}}{$_} = $given->{$_} for @names;
    }

    for my $name (keys %offers) {
        my $path = "stubs/$name";
        mkdir "$gateway->{dir}/$_" for 'stubs', $path;

        $gateway->file("$path/plugin.json", $json->encode({
            name => $name, version => '0.0.0', host => 1, data => [],
            title => { vi => $name, en => $name },
            agency => { name => $name, contact => 'stub@ihanoi.example' },
            interfaces => { offers => $offers{$name} } }));
        $gateway->file("$path/openapi.json", $json->encode({
            openapi => '3.1.0', info => { title => $name, version => '0.0.0' }, paths => {} }));
        $gateway->file("$path/handler.lua", join '', "local _M = { nothing = function() end }\n",
            (map {
                my $answer = $functions{$name}{$_};
                my $text = _lua($json->encode($answer->{result} // $answer->{error}));
                "function _M.$_() return " . (exists $answer->{result} ? '' : 'nil, ')
                    . "ihanoi.json.decode($text) end\n"
            } sort keys %{ $functions{$name} // {} }), "return _M\n");
    }

    return join '', map { "    ihanoi_plugin $_ { path $gateway->{dir}/stubs/$_; }\n" } sort keys %offers;
}


# The lines of the plugin's block: everything that its manifest asks for.
sub grants {
    my ($gateway, $manifest) = @_;
    my $asked = $manifest->{permissions} // {};
    my $limits = $manifest->{limits} // {};
    my @lines;

    push @lines, 'public' if $asked->{public};
    push @lines, "database $gateway->{plugin}{name}" if $asked->{database};
    push @lines, map { "$_ $limits->{$_}" }
                 grep { defined $limits->{$_} } qw(memory cpu timeout concurrency store);

    push @lines, 'jobs 1h', 'job_cpu 60s' if @{ $manifest->{jobs} // [] };

    # Its own it has without being granted them.
    push @lines, map { "event $_" } grep { !/^\Q$gateway->{plugin}{name}\E\./ }
                 map { $_->{event} } @{ ($manifest->{events} // {})->{subscribes} // [] };

    push @lines, map { "interface $_->{plugin}.$_->{name}" }
                 @{ ($manifest->{interfaces} // {})->{uses} // [] };

    my $settings = $gateway->{settings} // {};
    push @lines, map { "setting $_ " . _quoted(_setting($settings->{$_})) }
                 sort keys %$settings;

    # What nobody has given has a value all the same: it is asked for.
    my $secrets = $gateway->{secrets} // {};
    for my $name (@{ $asked->{secrets} // [] }) {
        my $file = $gateway->file("secret_$name", $secrets->{$name} // 'test secret', 0600);
        push @lines, "secret $name $file";
    }
    for my $name (sort keys %$secrets) {
        grep { $_ eq $name } @{ $asked->{secrets} // [] }
            or die "the manifest asks for no secret \"$name\"\n";
    }

    return join '', map { "        $_;\n" } @lines;
}


# As the directive takes it: texts are themselves, lists and objects JSON.
sub _setting {
    my ($value) = @_;
    my $text = $json->encode($value);

    return JSON::PP::is_bool($value) ? ($value ? 'true' : 'false')
         : ref $value || $text !~ /^"/ ? $text
         : do { my $copy = $value; utf8::encode($copy); $copy };
}


# A text in Lua.
sub _lua { return '"' . $_[0] =~ s/([\\"])/\\$1/gr . '"' }


# A word of nginx.conf. It has variables where it has "$", which directives of
# ours do not look at.
sub _quoted { return "'" . $_[0] =~ s/([\\'])/\\$1/gr . "'" }


1;
