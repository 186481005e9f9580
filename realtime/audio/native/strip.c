/* The audio callback of the live host: no Python, no lock, no allocation, no wait. */
#define _POSIX_C_SOURCE 200809L
#define _DARWIN_C_SOURCE
#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef _Atomic uint64_t tb_counter;
typedef _Atomic uint32_t tb_word;
#include "layout.h"
#include "strip.h"

_Static_assert(sizeof(tb_counter) == 8 && sizeof(tb_word) == 4, "as cffi sees them");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "shared by processes");

static const double QUARTER_TURN = 1.57079632679489661923;
static const double NONE = 1e-9; /* so little presence is none: rounding may leave it */

/* ---- small parts ---------------------------------------------------------------------- */

static uint64_t get(const tb_counter *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Only for counters that the callback alone writes. */
static void add(tb_counter *counter, uint64_t more) {
    atomic_store_explicit(counter, get(counter) + more, memory_order_relaxed);
}

static void set(tb_counter *counter, uint64_t value) {
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static void raise_to(tb_counter *counter, uint64_t value) {
    if (value > get(counter)) set(counter, value);
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void aim(tb_ramp *ramp, double target, uint32_t frames) {
    if (ramp->target == target) return;
    ramp->target = target;
    ramp->left = frames;
    if (frames == 0) ramp->value = target;
    else ramp->step = (target - ramp->value) / frames;
}

static double next(tb_ramp *ramp) {
    if (ramp->left) {
        ramp->left--;
        ramp->value = ramp->left ? ramp->value + ramp->step : ramp->target;
    }
    return ramp->value;
}

static float *ring(tb_header *h, uint64_t offset) {
    return (float *)((char *)h + offset);
}

/* ---- what is asked of us ----------------------------------------------------------------- */

/* For who alone writes this journal. The fence is for who reads: an entry is not written over
 * before it is told, by `written`, that the entry is among the oldest. */
static void note(tb_journal *journal, uint64_t sequence, uint64_t frame) {
    uint64_t number = get(&journal->written);
    tb_entry *entry = &journal->entry[number & (TB_ENTRIES - 1)];
    atomic_thread_fence(memory_order_release);
    set(&entry->sequence, sequence);
    set(&entry->frame, frame);
    atomic_store_explicit(&journal->written, number + 1, memory_order_release);
}

/* Takes the parameters if nobody is writing them at this moment; otherwise the next block will. */
static void read_parameters(tb_header *h) {
    uint32_t before = atomic_load_explicit(&h->parameters_sequence, memory_order_acquire);
    if (before & 1) return;
    tb_parameters copy;
    memcpy(&copy, &h->parameters, sizeof copy);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&h->parameters_sequence, memory_order_relaxed) != before) return;
    h->current = copy;
    if (before != h->taken) note(&h->journal, before, get(&h->position));
    h->taken = before;
}

static void aim_all(tb_header *h) {
    const tb_parameters *p = &h->current;
    uint32_t frames = h->started ? p->ramp_frames : 0;
    aim(&h->input_gain, p->input_gain, frames);
    aim(&h->output_gain, p->output_gain, frames);
    aim(&h->mix, p->mix, frames);
    aim(&h->width, p->width, frames);
    aim(&h->dc_amount, p->dc_block ? 1 : 0, frames);
    aim(&h->bypass, p->bypass ? 1 : 0, frames);
    aim(&h->panic, p->panic ? 1 : 0, frames);
    for (uint32_t s = 0; s < h->slots; s++)
        aim(&h->slot[s].level, p->slot[s].level, p->slot[s].fade_frames);
    if (!h->started) {
        h->delay_to = p->delay;
        h->delay_fade.value = h->delay_fade.target = 1;
        h->started = 1;
    }
    /* One fade at a time: a further change waits for the end of this one. */
    if (p->delay != h->delay_to && h->delay_fade.left == 0) {
        h->delay_from = h->delay_to;
        h->delay_to = p->delay;
        h->delay_fade.value = h->delay_fade.target = 0;
        aim(&h->delay_fade, 1, p->ramp_frames);
    }
}

/* ---- one frame ------------------------------------------------------------------------------ */

/* The frames of a slot that may be played in this block, and what was missing of them. */
typedef struct {
    const float *output;
    uint64_t from, until, missing;
} range;

static range range_of(tb_header *h, tb_slot *slot) {
    range r = {ring(h, slot->output_at), 0, 0, 0};
    if (atomic_load_explicit(&slot->attached, memory_order_acquire)) {
        /* In this order: a worker that jumps ahead raises the first bound, then the second. */
        r.until = atomic_load_explicit(&slot->valid_until, memory_order_acquire);
        r.from = get(&slot->valid_from);
    }
    return r;
}

/* What comes in, cleaned: from the device, from the feed, or nothing. */
static void capture(tb_header *h, const float *device, uint64_t p, int fed, float *x) {
    for (uint32_t c = 0; c < h->inputs; c++) {
        x[c] = 0;
        if (h->current.source == TB_FROM_DEVICE && device && h->input_map[c] >= 0)
            x[c] = device[h->input_map[c]];
        else if (h->current.source == TB_FROM_FEED && fed)
            x[c] = ring(h, h->feed_at)[(p & (h->capacity - 1)) * h->inputs + c];
        if (!isfinite(x[c])) {
            x[c] = 0;
            add(&h->bad_inputs, 1);
        }
    }
}

/* Opens at the threshold, closes at half of it; all channels together. */
static double gate(tb_header *h, const float *x) {
    double peak = 0;
    for (uint32_t c = 0; c < h->inputs; c++) peak = fmax(peak, fabs(x[c]));
    h->gate_envelope = fmax(peak, h->gate_envelope * h->gate_decay);
    if (h->gate_envelope >= h->current.gate) h->gate_is_open = 1;
    else if (h->gate_envelope < 0.5 * h->current.gate) h->gate_is_open = 0;
    if (h->gate_is_open) h->gate_gain = fmin(1, h->gate_gain + h->gate_open_step);
    else h->gate_gain = fmax(0, h->gate_gain - h->gate_close_step);
    return h->gate_gain;
}

/* Adds frame p of a slot to the wet sum. Where it is missing, the last frame that came is held
 * while it fades, and the dry sound takes its place if that is the policy. The fade goes to its
 * end even if sound comes again meanwhile: from the held frame to that one would be a click. */
static void mix_slot(tb_header *h, tb_slot *slot, range *r, uint64_t p, const double *dry,
                     double *wet) {
    double level = next(&slot->level);
    int audible = level > 0 || slot->level.target > 0;
    int there = r->from <= p && p < r->until;
    if (h->current.slot[slot - h->slot].fade_curve == TB_FADE_POWER && level > 0 && level < 1)
        level = sin(level * QUARTER_TURN);
    int lacks = audible && !there;
    if (lacks && !slot->lacking) add(&slot->gaps, 1);
    slot->lacking = (uint32_t)lacks;
    r->missing += (uint64_t)lacks;
    if (!there) slot->held = 1;
    else if (slot->presence < NONE) slot->held = 0;
    if (slot->held) {
        slot->presence = fmax(0, slot->presence - h->presence_step);
    } else {
        const float *frame = r->output + (p & (h->capacity - 1)) * h->outputs;
        slot->presence = fmin(1, slot->presence + h->presence_step);
        for (uint32_t c = 0; c < h->outputs; c++) {
            slot->last[c] = frame[c];
            if (!isfinite(frame[c])) {
                slot->last[c] = 0;
                add(&slot->bad_samples, 1);
            }
        }
    }
    double stand_in = h->current.late == TB_LATE_DRY ? level * (1 - slot->presence) : 0;
    level *= slot->presence;
    for (uint32_t c = 0; c < h->outputs; c++)
        wet[c] += level * slot->last[c] + stand_in * dry[c];
}

/* Mid and side of the first two channels; exactly what came where the width is 1. */
static void widen(double *y, double width) {
    if (width == 1) return;
    double mid = 0.5 * (y[0] + y[1]), side = 0.5 * width * (y[0] - y[1]);
    y[0] = mid + side;
    y[1] = mid - side;
}

/* No look-ahead, so no latency: down at once, up again exponentially. */
static double limiter(tb_header *h, const double *y) {
    double peak = 0, wanted = 0;
    for (uint32_t c = 0; c < h->outputs; c++) peak = fmax(peak, fabs(y[c]));
    if (h->current.limiter && peak > h->current.ceiling) wanted = 1 - h->current.ceiling / peak;
    h->reduction = fmax(wanted, h->reduction * h->limiter_decay);
    if (wanted > 0) add(&h->limited_frames, 1);
    return 1 - h->reduction;
}

/* ---- one turn ------------------------------------------------------------------------------- */

typedef struct {
    double peak[TB_CHANNELS], squares[TB_CHANNELS];
} sums;

static void measure(sums *s, uint32_t c, double x) {
    s->peak[c] = fmax(s->peak[c], fabs(x));
    s->squares[c] += x * x;
}

static void show(const tb_header *h, tb_meter *meter, const sums *s, uint32_t channels,
                 uint64_t frames) {
    double fall = pow(h->peak_decay, (double)frames), keep = pow(h->meter_decay, (double)frames);
    for (uint32_t c = 0; c < channels; c++) {
        double mean = s->squares[c] / (double)frames;
        meter->peak[c] = (float)fmax(s->peak[c], fall * meter->peak[c]);
        meter->mean_square[c] = mean + keep * (meter->mean_square[c] - mean);
    }
}

static int turn(tb_header *h, const float *in, float *out, uint64_t frames) {
    uint64_t start = get(&h->position), mask = h->capacity - 1;
    uint32_t inputs = h->inputs, outputs = h->outputs;
    float *captured = ring(h, h->captured_at), *bus = ring(h, h->bus_at);
    float *heard = ring(h, h->heard_at);
    uint64_t fed_until = atomic_load_explicit(&h->feed_until, memory_order_acquire);
    uint64_t fed_from = get(&h->feed_from);
    sums came = {{0}, {0}}, went = {{0}, {0}};
    range slots[TB_SLOTS];
    for (uint32_t s = 0; s < h->slots; s++) slots[s] = range_of(h, &h->slot[s]);

    for (uint64_t p = start; p < start + frames; p++) {
        float x[TB_CHANNELS];
        double dry[TB_CHANNELS] = {0}, raw[TB_CHANNELS] = {0}, y[TB_CHANNELS] = {0};

        capture(h, in, p, fed_from <= p && p < fed_until, x);
        double gain = next(&h->input_gain);
        double open = gate(h, x);
        for (uint32_t c = 0; c < inputs; c++) {
            captured[(p & mask) * inputs + c] = x[c];
            bus[(p & mask) * inputs + c] = (float)(x[c] * gain * open);
            measure(&came, c, x[c] * gain);
        }

        /* Mono is heard on every channel; further channels each on their own. */
        double fade = next(&h->delay_fade);
        uint64_t new = ((p - h->delay_to) & mask) * inputs;
        uint64_t old = ((p - h->delay_from) & mask) * inputs;
        for (uint32_t c = 0; c < outputs && inputs; c++) {
            uint32_t from = inputs == 1 ? 0 : c;
            if (from >= inputs) break;
            dry[c] = fade * bus[new + from] + (1 - fade) * bus[old + from];
            raw[c] = fade * captured[new + from] + (1 - fade) * captured[old + from];
        }

        for (uint32_t s = 0; s < h->slots; s++) mix_slot(h, &h->slot[s], &slots[s], p, dry, y);
        double width = next(&h->width);
        if (outputs > 1) widen(y, width);

        double mix = next(&h->mix), output_gain = next(&h->output_gain);
        double dc = next(&h->dc_amount), bypass = next(&h->bypass), panic = next(&h->panic);
        for (uint32_t c = 0; c < outputs; c++) {
            y[c] = (mix * y[c] + (1 - mix) * dry[c]) * output_gain;
            double high = y[c] - h->dc_in[c] + h->dc_pole * h->dc_out[c];
            h->dc_in[c] = y[c];
            h->dc_out[c] = high;
            y[c] += dc * (high - y[c]);
            y[c] = ((1 - bypass) * y[c] + bypass * raw[c]) * (1 - panic);
        }
        double held = limiter(h, y);
        for (uint32_t c = 0; c < outputs; c++) {
            float sample = (float)(y[c] * held);
            if (!isfinite(sample)) {
                /* Gains beyond all measure; what remembers them is forgotten. */
                sample = 0;
                h->dc_in[c] = h->dc_out[c] = h->reduction = 0;
                add(&h->bad_outputs, 1);
            }
            heard[(p & mask) * outputs + c] = sample;
            if (out && h->output_map[c] >= 0) out[h->output_map[c]] += sample;
            measure(&went, c, sample);
        }
        if (in) in += h->device_inputs;
        if (out) out += h->device_outputs;
    }

    int late = 0;
    for (uint32_t s = 0; s < h->slots; s++) {
        if (!slots[s].missing) continue;
        late = 1;
        add(&h->slot[s].late_blocks, 1);
        add(&h->slot[s].late_frames, slots[s].missing);
    }
    show(h, &h->input_meter, &came, inputs, frames);
    show(h, &h->output_meter, &went, outputs, frames);
    atomic_store_explicit(&h->position, start + frames, memory_order_release);
    return late;
}

int tb_callback(const void *input, void *output, unsigned long frames, const void *time,
                unsigned long flags, void *memory) {
    (void)time;
    tb_header *h = memory;
    const float *in = input;
    float *out = output;
    uint64_t began = now_ns();
    int late = 0;
    read_parameters(h);
    aim_all(h);
    if (out) memset(out, 0, sizeof *out * frames * h->device_outputs);
    for (uint64_t left = frames; left;) {
        uint64_t some = left < TB_MOST_FRAMES ? left : TB_MOST_FRAMES;
        late |= turn(h, in, out, some);
        if (in) in += some * h->device_inputs;
        if (out) out += some * h->device_outputs;
        left -= some;
    }
    add(&h->underruns, (uint64_t)late);
    add(&h->input_underflows, flags & 1);
    add(&h->input_overflows, flags >> 1 & 1);
    add(&h->output_underflows, flags >> 2 & 1);
    add(&h->output_overflows, flags >> 3 & 1);
    set(&h->block_frames, frames);
    uint64_t busy = now_ns() - began;
    add(&h->busy_ns, busy);
    raise_to(&h->busy_ns_most, busy);
    add(&h->blocks, 1);
    return 0;
}

int tb_empty_callback(const void *input, void *output, unsigned long frames, const void *time,
                      unsigned long flags, void *memory) {
    (void)input, (void)time;
    tb_header *h = memory;
    if (output) memset(output, 0, sizeof(float) * frames * h->device_outputs);
    add(&h->input_underflows, flags & 1);
    add(&h->input_overflows, flags >> 1 & 1);
    add(&h->output_underflows, flags >> 2 & 1);
    add(&h->output_overflows, flags >> 3 & 1);
    add(&h->blocks, 1);
    return 0;
}

/* ---- for Python ----------------------------------------------------------------------------- */

static int fits(const tb_header *h, uint64_t offset, uint64_t channels) {
    uint64_t bytes = h->capacity * channels * sizeof(float);
    return offset % sizeof(float) == 0 && offset >= sizeof *h && offset <= h->total_bytes &&
           bytes <= h->total_bytes - offset;
}

int tb_check(const void *memory, uint64_t bytes) {
    const tb_header *h = memory;
    if (bytes < sizeof *h || h->magic != TB_MAGIC || h->version != TB_VERSION ||
        h->header_bytes != sizeof *h || h->total_bytes > bytes || h->inputs > TB_CHANNELS ||
        h->outputs > TB_CHANNELS || h->slots > TB_SLOTS || h->capacity < 2 * TB_MOST_FRAMES ||
        (h->capacity & (h->capacity - 1)) != 0)
        return 0;
    for (uint32_t s = 0; s < h->slots; s++)
        if (!fits(h, h->slot[s].output_at, h->outputs)) return 0;
    return fits(h, h->captured_at, h->inputs) && fits(h, h->bus_at, h->inputs) &&
           fits(h, h->feed_at, h->inputs) && fits(h, h->heard_at, h->outputs);
}

void tb_fence(void) {
    atomic_thread_fence(memory_order_seq_cst);
}

int tb_wait(const void *counter, uint64_t value, uint64_t timeout_ns) {
    const struct timespec moment = {0, 200000};
    uint64_t end = now_ns() + timeout_ns;
    while (atomic_load_explicit((const tb_counter *)counter, memory_order_acquire) < value) {
        if (now_ns() >= end) return 0;
        nanosleep(&moment, NULL);
    }
    return 1;
}

int tb_lock(void *memory, uint64_t bytes) {
    return mlock(memory, bytes) == 0;
}
