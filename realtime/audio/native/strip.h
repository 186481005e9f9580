/* The callback, and what Python needs of C beside it. Read by cffi as layout.h is. */

/* A PaStreamCallback: `memory` is a tb_header, `time` is not looked at. Returns 0, go on. */
int tb_callback(const void *input, void *output, unsigned long frames, const void *time,
                unsigned long flags, void *memory);

/* A tb_callback that is silent: the floor to measure the other against. */
int tb_empty_callback(const void *input, void *output, unsigned long frames, const void *time,
                      unsigned long flags, void *memory);

/* Whether `bytes` bytes at `memory` are a tb_header of this version with its rings. */
int tb_check(const void *memory, uint64_t bytes);

/* Between a counter and the sound that it speaks of: nothing passes, in either direction. */
void tb_fence(void);

/* Waits until a counter is at least `value`, looking every 0.2 ms: 1, or 0 after `timeout_ns`. */
int tb_wait(const void *counter, uint64_t value, uint64_t timeout_ns);

/* Keeps the memory out of the swap where that is permitted: 1 if it is. */
int tb_lock(void *memory, uint64_t bytes);
