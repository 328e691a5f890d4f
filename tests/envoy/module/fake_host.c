/* A program in place of Envoy: it loads the module and gives it one stream whose headers it cannot count, so that the module
 * panics. It prints the status of the answer, and what the hook returned. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { const char *ptr; size_t length; } buf;
typedef struct { const char *key; size_t key_length; const char *value; size_t value_length; } hdr;

#define CALLBACK(name) envoy_dynamic_module_callback_##name
#define HOOK(name) find(module, "envoy_dynamic_module_on_" name)

void CALLBACK(log)(uint32_t level, buf line) { (void)level; (void)line; }
size_t CALLBACK(http_get_headers_size)(void *f, uint32_t map) { (void)f; (void)map; return SIZE_MAX; }
bool CALLBACK(http_get_headers)(void *f, uint32_t map, hdr *out) { (void)f; (void)map; (void)out; return false; }
bool CALLBACK(http_set_header)(void *f, uint32_t map, buf key, buf value) { (void)f; (void)map; (void)key; (void)value; return true; }
bool CALLBACK(http_add_header)(void *f, uint32_t map, buf key, buf value) { (void)f; (void)map; (void)key; (void)value; return true; }
void CALLBACK(http_send_response)(void *f, uint32_t status, hdr *headers, size_t count, buf body, buf details) {
    (void)f; (void)headers; (void)count; (void)body; (void)details;
    printf("status %u\n", status);
}
bool CALLBACK(http_filter_get_attribute_string)(void *f, uint32_t id, buf *out) { (void)f; (void)id; (void)out; return false; }
void CALLBACK(http_set_dynamic_metadata_string)(void *f, buf ns, buf key, buf value) { (void)f; (void)ns; (void)key; (void)value; }
void CALLBACK(http_set_dynamic_metadata_number)(void *f, buf ns, buf key, double value) { (void)f; (void)ns; (void)key; (void)value; }
const void *envoy_dynamic_module_callback_get_most_specific_route_config(void *f) { (void)f; return NULL; }
void CALLBACK(http_filter_continue_decoding)(void *f) { (void)f; printf("continued\n"); }
void *CALLBACK(http_filter_scheduler_new)(void *f) { (void)f; return NULL; }
void CALLBACK(http_filter_scheduler_commit)(void *s, uint64_t event) { (void)s; (void)event; }
void CALLBACK(http_filter_scheduler_delete)(void *s) { (void)s; }
uint32_t CALLBACK(http_filter_config_define_counter)(void *c, buf name, buf *labels, size_t count, size_t *id) {
    (void)c; (void)name; (void)labels; (void)count; *id = 0; return 0;
}
uint32_t CALLBACK(http_filter_increment_counter)(void *f, size_t id, buf *values, size_t count, uint64_t value) {
    (void)f; (void)id; (void)values; (void)count; (void)value; return 0;
}

static void *find(void *module, const char *symbol) {
    void *found = dlsym(module, symbol);
    if (found == NULL) { fprintf(stderr, "no %s\n", symbol); exit(1); }
    return found;
}

int main(int argc, char **argv) {
    void *module = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (module == NULL) { fprintf(stderr, "%s\n", dlerror()); return 1; }
    const char *(*init)(void) = (const char *(*)(void))HOOK("program_init");
    if (init() == NULL) { fprintf(stderr, "the module refuses the program\n"); return 1; }
    const void *(*config_new)(void *, buf, buf) = (const void *(*)(void *, buf, buf))HOOK("http_filter_config_new");
    const void *(*new)(const void *, void *) = (const void *(*)(const void *, void *))HOOK("http_filter_new");
    uint32_t (*headers)(void *, const void *, bool) = (uint32_t (*)(void *, const void *, bool))HOOK("http_filter_request_headers");
    int envoy = 0;
    buf name = {"accredit", 8}, text = {argv[2], strlen(argv[2])};
    const void *config = config_new(&envoy, name, text);
    if (config == NULL) { fprintf(stderr, "the module refuses the configuration\n"); return 1; }
    const void *filter = new(config, &envoy);
    printf("returned %u\n", headers(&envoy, filter, true));
    return 0;
}
