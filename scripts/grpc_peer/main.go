// A gRPC peer made with gRPC's own Go implementation, for tests of Limier's: a server of the import service, and a client of
// every service. Messages are opaque bytes here, so that nothing is generated.
//
//	grpc_peer serve [-only unary|stream] [-fail CODE] [-cert F -key F -ca F]   prints its port, then a JSON line a call
//	grpc_peer call -addr A -path P [-stream] [-gzip] [-timeout D] [-cert F -key F] [-ca F] HEX...   prints the answer as JSON
//	grpc_peer health -addr A [-service S] [-watch]
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// rawCodec passes messages through.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) ([]byte, error) {
	message, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("%T is no message of bytes", v)
	}
	return *message, nil
}

func (rawCodec) Unmarshal(data []byte, v any) error {
	message, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("%T is no message of bytes", v)
	}
	*message = append([]byte(nil), data...)
	return nil
}

// line is what is printed: of a call that was served, or of an answer.
type line struct {
	Method   string   `json:"method,omitempty"`
	Code     string   `json:"code,omitempty"`
	Message  string   `json:"message,omitempty"`
	Messages []string `json:"messages"`
	// Deadline says whether the caller set one.
	Deadline bool `json:"deadline"`
}

var printing sync.Mutex

func say(l line) {
	printing.Lock()
	defer printing.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(l); err != nil {
		panic(err)
	}
}

type options struct {
	only, fail, cert, key, ca string
	addr, path                string
	stream, zip, watch        bool
	timeout                   time.Duration
	service                   string
}

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("write serve, call or health"))
	}
	var o options
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	flags.StringVar(&o.only, "only", "", "the one method that is served")
	flags.StringVar(&o.fail, "fail", "", "the code every call ends with")
	flags.StringVar(&o.cert, "cert", "", "own certificate")
	flags.StringVar(&o.key, "key", "", "own key")
	flags.StringVar(&o.ca, "ca", "", "the peer's authority")
	flags.StringVar(&o.addr, "addr", "", "the server")
	flags.StringVar(&o.path, "path", "", "the method")
	flags.BoolVar(&o.stream, "stream", false, "the request is a stream")
	flags.BoolVar(&o.zip, "gzip", false, "compress")
	flags.BoolVar(&o.watch, "watch", false, "two answers of Watch")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second, "the deadline")
	flags.StringVar(&o.service, "service", "", "whose health")
	if err := flags.Parse(os.Args[2:]); err != nil {
		fail(err)
	}
	switch os.Args[1] {
	case "serve":
		serve(o)
	case "call":
		call(o, flags.Args())
	case "health":
		health(o)
	default:
		fail(fmt.Errorf("there is no %s", os.Args[1]))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func serve(o options) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	with := []grpc.ServerOption{grpc.ForceServerCodec(rawCodec{})}
	if o.cert != "" {
		with = append(with, grpc.Creds(credentials.NewTLS(tlsConfig(o, true))))
	}
	server := grpc.NewServer(with...)
	service := grpc.ServiceDesc{ServiceName: "forwardrpc.Forward", HandlerType: (*any)(nil)}
	if o.only != "stream" {
		service.Methods = []grpc.MethodDesc{{MethodName: "SendMetrics", Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var message []byte
			if err := decode(&message); err != nil {
				return nil, err
			}
			return new([]byte), done(ctx, o, "SendMetrics", [][]byte{message})
		}}}
	}
	if o.only != "unary" {
		service.Streams = []grpc.StreamDesc{{StreamName: "SendMetricsV2", ClientStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
			var messages [][]byte
			for {
				var message []byte
				err := stream.RecvMsg(&message)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					return err
				}
				messages = append(messages, message)
			}
			if err := done(stream.Context(), o, "SendMetricsV2", messages); err != nil {
				return err
			}
			return stream.SendMsg(new([]byte))
		}}}
	}
	server.RegisterService(&service, nil)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	if err := server.Serve(listener); err != nil {
		fail(err)
	}
}

// done prints a call, and is the error it is to end with.
func done(ctx context.Context, o options, method string, messages [][]byte) error {
	_, deadline := ctx.Deadline()
	l := line{Method: method, Messages: []string{}, Deadline: deadline}
	for _, message := range messages {
		l.Messages = append(l.Messages, hex.EncodeToString(message))
	}
	say(l)
	if o.fail == "" {
		return nil
	}
	var code codes.Code
	if err := code.UnmarshalJSON([]byte(`"` + o.fail + `"`)); err != nil {
		fail(err)
	}
	return status.Error(code, "told to fail: 100 % of the calls, às vezes")
}

func connect(o options) *grpc.ClientConn {
	creds := insecure.NewCredentials()
	if o.ca != "" {
		creds = credentials.NewTLS(tlsConfig(o, false))
	}
	connection, err := grpc.NewClient("passthrough:///"+o.addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		fail(err)
	}
	return connection
}

func call(o options, texts []string) {
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
	defer cancel()
	with := []grpc.CallOption{grpc.ForceCodec(rawCodec{})}
	if o.zip {
		with = append(with, grpc.UseCompressor(gzip.Name))
	}
	messages := [][]byte{}
	for _, text := range texts {
		message, err := hex.DecodeString(text)
		if err != nil {
			fail(err)
		}
		messages = append(messages, message)
	}
	var answer []byte
	var err error
	connection := connect(o)
	if o.stream {
		err = callStream(ctx, connection, o.path, messages, &answer, with)
	} else {
		err = connection.Invoke(ctx, o.path, &messages[0], &answer, with...)
	}
	s := status.Convert(err)
	l := line{Code: s.Code().String(), Message: s.Message(), Messages: []string{}}
	if err == nil {
		l.Messages = append(l.Messages, hex.EncodeToString(answer))
	}
	say(l)
}

func callStream(ctx context.Context, connection *grpc.ClientConn, path string, messages [][]byte, answer *[]byte, with []grpc.CallOption) error {
	stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, path, with...)
	if err != nil {
		return err
	}
	for i := range messages {
		if err := stream.SendMsg(&messages[i]); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return stream.RecvMsg(answer)
}

func health(o options) {
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
	defer cancel()
	client := grpc_health_v1.NewHealthClient(connect(o))
	request := &grpc_health_v1.HealthCheckRequest{Service: o.service}
	if !o.watch {
		answer, err := client.Check(ctx, request)
		say(line{Code: status.Code(err).String(), Message: answer.GetStatus().String(), Messages: []string{}})
		return
	}
	watch, err := client.Watch(ctx, request)
	for err == nil {
		var answer *grpc_health_v1.HealthCheckResponse
		if answer, err = watch.Recv(); err == nil {
			say(line{Code: "OK", Message: answer.GetStatus().String(), Messages: []string{}})
		}
	}
	say(line{Code: status.Code(err).String(), Messages: []string{}})
}

func tlsConfig(o options, isServer bool) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.cert != "" {
		own, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			fail(err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	if o.ca == "" {
		return config
	}
	text, err := os.ReadFile(o.ca)
	if err != nil {
		fail(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	if isServer {
		config.ClientCAs, config.ClientAuth = pool, tls.RequireAndVerifyClientCert
	} else {
		config.RootCAs = pool
	}
	return config
}
