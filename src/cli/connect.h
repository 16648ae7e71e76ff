// How a command finds the server: endpoint, region, keys; and the few calls that several commands
// make.

#ifndef CLI_CONNECT_H
#define CLI_CONNECT_H

#include "cli/command.h"
#include "client/client.h"

struct cli_connection {
    struct str endpoint;
    struct str region;
    struct credentials credentials;
    bool has_credentials;
    const char *ca_file;
    bool insecure;
};

// --endpoint, GANTRY_ENDPOINT, AWS_ENDPOINT_URL_ECS, AWS_ENDPOINT_URL, the file `endpoint` that
// `gantry up` leaves in the data folder, http://127.0.0.1:7420. --region, AWS_REGION,
// AWS_DEFAULT_REGION, us-east-1.
void cli_find_server(const struct cli_values *values, struct cli_connection *out);
struct client *cli_connect(const struct cli_connection *connection);

// Prints "gantry NAME: type: message" and returns EXIT_FAILED.
int cli_call_failed(const struct cli_values *values, const struct client_error *error);

#define CLI_OPTIONS_CLIENT                                                                         \
    {.name = "endpoint", .value = "URL", .help = "the server's address"},                          \
        {.name = "region", .value = "REGION", .help = "region to sign for (default us-east-1)"},   \
        {.name = "ca-file", .value = "FILE", .help = "trust this authority for https"},            \
        {.name = "insecure", .help = "do not check the server's certificate"}, CLI_OPTION_DATA

#endif
