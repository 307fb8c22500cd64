#!/usr/bin/env escript
%% The peer in Erlang: one-way messages received with {packet, 4}, and calls.
%%
%% Frames are the ones of bench/floor, so either end can meet the other.
-mode(compile).

-define(REQUEST, 1).
-define(REPLY, 2).
-define(BATCH_BYTES, 131072).
-define(OPTIONS, [
    binary, {packet, 4}, {active, false}, {nodelay, true},
    {recbuf, 262144}, {sndbuf, 262144}, {buffer, 262144}
]).

main(["one-way", "server" | _]) -> listen(fun count/1);
main(["calls", "server" | _]) -> listen(fun answer/1);
main(["one-way", "client" | Words]) -> send_one_way(Words);
main(["calls", "client" | Words]) -> make_calls(Words);
main(_) ->
    io:format(standard_error, "Usage: one-way|calls server|client~n", []),
    halt(2).

%% One way.

count(Socket) ->
    ok = inet:setopts(Socket, [{active, 1000}, {exit_on_close, false}]),
    count(Socket, 0).

count(Socket, Messages) ->
    receive
        {tcp, Socket, _Message} ->
            count(Socket, Messages + 1);
        {tcp_passive, Socket} ->
            ok = inet:setopts(Socket, [{active, 1000}]),
            count(Socket, Messages);
        {tcp_closed, Socket} ->
            ok = gen_tcp:send(Socket, <<Messages:64>>),
            gen_tcp:close(Socket)
    end.

%% The frames are built by hand so that one send carries many of them.
send_one_way(Words) ->
    Message = binary:copy(<<"x">>, number("bytes", 1024, Words)),
    Frame = [<<(byte_size(Message)):32>>, Message],
    PerBatch = max(1, ?BATCH_BYTES div iolist_size(Frame)),
    Socket = connect(Words, [{packet, raw}]),
    Started = erlang:monotonic_time(microsecond),
    Deadline = Started + round(number("seconds", 2, Words) * 1000000),
    Sent = send_until(Deadline, Socket, Message, PerBatch, 0),
    ok = gen_tcp:shutdown(Socket, write),
    ok = inet:setopts(Socket, [{packet, 4}]),
    {ok, <<Sent:64>>} = gen_tcp:recv(Socket, 0, 20000),
    Seconds = (erlang:monotonic_time(microsecond) - Started) / 1.0e6,
    io:format("{\"messages\":~b,\"seconds\":~.6f,\"messagesPerSecond\":~.1f}~n",
              [Sent, Seconds, Sent / Seconds]).

send_until(Deadline, Socket, Message, PerBatch, Sent) ->
    case erlang:monotonic_time(microsecond) < Deadline of
        true ->
            ok = gen_tcp:send(Socket, batch(Message, PerBatch, [])),
            send_until(Deadline, Socket, Message, PerBatch, Sent + PerBatch);
        false ->
            Sent
    end.

batch(_Message, 0, Batch) -> Batch;
batch(Message, Left, Batch) ->
    batch(Message, Left - 1, [<<(byte_size(Message)):32>>, Message | Batch]).

%% Calls: the server. With {packet, 4} one send is one frame, which measured
%% 7 times slower than these batches of frames built and parsed by hand.

answer(Socket) ->
    ok = inet:setopts(Socket, [{packet, raw}, {active, 1000}]),
    answer(Socket, <<>>).

answer(Socket, Tail) ->
    receive
        {tcp, Socket, Bytes} ->
            {Replies, Rest} = answer_all(join(Tail, Bytes), []),
            ok = gen_tcp:send(Socket, Replies),
            answer(Socket, Rest);
        {tcp_passive, Socket} ->
            ok = inet:setopts(Socket, [{active, 1000}]),
            answer(Socket, Tail);
        {tcp_closed, Socket} ->
            ok
    end.

answer_all(<<Length:32, Frame:Length/binary, Rest/binary>>, Replies) ->
    <<?REQUEST, Id:32, Payload/binary>> = Frame,
    answer_all(Rest, [frame(?REPLY, Id, handle(Payload)) | Replies]);
answer_all(Rest, Replies) ->
    {lists:reverse(Replies), Rest}.

handle(Payload) -> Payload.

frame(Type, Id, Payload) ->
    [<<(5 + byte_size(Payload)):32, Type, Id:32>>, Payload].

join(<<>>, Bytes) -> Bytes;
join(Tail, Bytes) -> <<Tail/binary, Bytes/binary>>.

%% Calls: the client. One process owns the connection and the map of callers.

make_calls(Words) ->
    Payload = binary:copy(<<"x">>, number("bytes", 64, Words)),
    InFlight = number("in-flight", 128, Words),
    Conn = spawn_link(fun() -> own(connect(Words, [{packet, raw}])) end),
    Started = erlang:monotonic_time(microsecond),
    Deadline = Started + round(number("seconds", 2, Words) * 1000000),
    Main = self(),
    Worker = fun() ->
        Main ! {done, work(Conn, Payload, Deadline, InFlight =:= 1, 0, [])}
    end,
    [spawn_link(Worker) || _ <- lists:seq(1, InFlight)],
    Results = [receive {done, Result} -> Result end
               || _ <- lists:seq(1, InFlight)],
    Seconds = (erlang:monotonic_time(microsecond) - Started) / 1.0e6,
    Calls = lists:sum([Count || {Count, _} <- Results]),
    io:format("{\"calls\":~b,~s\"seconds\":~.6f,\"callsPerSecond\":~.1f}~n",
              [Calls, latency(Results), Seconds, Calls / Seconds]).

latency([{Calls, Nanos}]) ->
    Sorted = lists:sort(Nanos),
    At = fun(Share) -> lists:nth(trunc(Calls * Share) + 1, Sorted) / 1000 end,
    io_lib:format("\"p50\":~.3f,\"p99\":~.3f,", [At(0.5), At(0.99)]);
latency(_) -> "".

work(Conn, Payload, Deadline, Timed, Calls, Nanos) ->
    Before = erlang:monotonic_time(nanosecond),
    case Before div 1000 < Deadline of
        true ->
            Payload = call(Conn, Payload),
            Took = [erlang:monotonic_time(nanosecond) - Before || Timed],
            work(Conn, Payload, Deadline, Timed, Calls + 1, Took ++ Nanos);
        false ->
            {Calls, Nanos}
    end.

call(Conn, Payload) ->
    Ref = make_ref(),
    Conn ! {call, self(), Ref, Payload},
    receive {Ref, Reply} -> Reply end.

own(Socket) ->
    ok = inet:setopts(Socket, [{active, 1000}]),
    own(Socket, 0, #{}, <<>>).

own(Socket, Id, Waiting, Tail) ->
    receive
        {call, From, Ref, Payload} ->
            Frames = [frame(?REQUEST, Id, Payload)],
            gather(Socket, Id + 1, Waiting#{Id => {From, Ref}}, Tail, Frames);
        {tcp, Socket, Bytes} ->
            {Left, Rest} = resolve_all(join(Tail, Bytes), Waiting),
            own(Socket, Id, Left, Rest);
        {tcp_passive, Socket} ->
            ok = inet:setopts(Socket, [{active, 1000}]),
            own(Socket, Id, Waiting, Tail);
        {tcp_closed, Socket} ->
            exit(closed)
    end.

%% All the calls that wait in the mailbox leave in one send.
gather(Socket, Id, Waiting, Tail, Frames) ->
    receive
        {call, From, Ref, Payload} ->
            More = [frame(?REQUEST, Id, Payload) | Frames],
            gather(Socket, Id + 1, Waiting#{Id => {From, Ref}}, Tail, More)
    after 0 ->
        ok = gen_tcp:send(Socket, lists:reverse(Frames)),
        own(Socket, Id band 16#FFFFFFFF, Waiting, Tail)
    end.

resolve_all(<<Length:32, Frame:Length/binary, Rest/binary>>, Waiting) ->
    <<?REPLY, Id:32, Payload/binary>> = Frame,
    {{From, Ref}, Left} = maps:take(Id, Waiting),
    From ! {Ref, Payload},
    resolve_all(Rest, Left);
resolve_all(Rest, Waiting) ->
    {Waiting, Rest}.

%% Both ends.

listen(Serve) ->
    Options = [{ip, {127, 0, 0, 1}}, {backlog, 511} | ?OPTIONS],
    {ok, Listener} = gen_tcp:listen(0, Options),
    {ok, Port} = inet:port(Listener),
    io:format("{\"port\":~b}~n", [Port]),
    spawn_link(fun() -> accept(Listener, Serve) end),
    until_stdin_closes().

accept(Listener, Serve) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Pid = spawn(fun() -> receive go -> Serve(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    accept(Listener, Serve).

until_stdin_closes() ->
    case io:get_line("") of
        eof -> halt(0);
        {error, _} -> halt(0);
        _ -> until_stdin_closes()
    end.

connect(Words, More) ->
    Port = number("port", 0, Words),
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, ?OPTIONS ++ More),
    Socket.

number(Name, Default, Words) ->
    Flag = "--" ++ Name,
    case lists:dropwhile(fun(Word) -> Word =/= Flag end, Words) of
        [Flag, Text | _] ->
            try list_to_integer(Text)
            catch error:badarg -> list_to_float(Text)
            end;
        _ -> Default
    end.
