#!/usr/bin/env escript
%% An echo server for frames, which Erlang's own {packet, N} delimits: an
%% N-byte big-endian length, then the message.
%%
%%   erlang_server.escript [--packet 1|2|4] [--timeout MS]
%%
%% Listens on a free port of 127.0.0.1, prints `port PORT`, and echoes every
%% message on every connection. Ends with its standard input, or exits 1 after
%% the timeout (60 seconds without one).
-mode(compile).

main(Args) ->
    Flags = flags(Args, #{}),
    Packet = number("--packet", 4, Flags),
    {ok, _} = timer:apply_after(number("--timeout", 60000, Flags), erlang, halt, [1]),
    Options = [binary, {packet, Packet}, {active, false}, {nodelay, true}, {backlog, 128}, {ip, {127, 0, 0, 1}}],
    {ok, Listener} = gen_tcp:listen(0, Options),
    {ok, Port} = inet:port(Listener),
    spawn(fun() -> accept(Listener) end),
    io:format("port ~b~n", [Port]),
    wait_for_end_of_input().

%% Who accepts a connection serves it, and leaves accepting to a new process.
accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    spawn(fun() -> accept(Listener) end),
    echo(Socket).

echo(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Message} ->
            case gen_tcp:send(Socket, Message) of
                ok -> echo(Socket);
                {error, _} -> gen_tcp:close(Socket)
            end;
        {error, _} ->
            gen_tcp:close(Socket)
    end.

wait_for_end_of_input() ->
    case io:get_line("") of
        Line when is_list(Line) -> wait_for_end_of_input();
        _ -> ok
    end.

number(Name, Default, Flags) ->
    case Flags of
        #{Name := Text} -> list_to_integer(Text);
        #{} -> Default
    end.

flags([Name, Value | Rest], Flags) -> flags(Rest, Flags#{Name => Value});
flags([], Flags) -> Flags.
