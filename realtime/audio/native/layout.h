/* The memory that the three tiers of the live host share. This file is the only description
 * of it: C includes it, and Python hands it to cffi (realtime/audio/layout.py), with or without a
 * compiler. Only what cffi reads may stand here: structs, and defines of plain numbers.
 *
 * Sound lies on one clock: `position` counts the frames the audio callback has played since the
 * memory was made, and frame p of every ring is at p modulo `capacity`. A slot's worker reads B
 * frames of the bus, from frame n on, and writes what it made of them in its own ring from frame
 * n + latency on. The callback plays frame p of a slot where valid_from <= p < valid_until. So a
 * worker that is late has missed its place: its frames are passed over, never played late, and the
 * latency stays what it was.
 *
 *     bus    ...[ n  ..  n + B )...... position
 *     slot   ...................[ n + latency .. n + latency + B )  and valid_until moves there
 *
 * tb_counter and tb_word are atomic in C, and plain integers of the same size for cffi.
 */
#define TB_MAGIC 1952607342
#define TB_VERSION 3
#define TB_SLOTS 8
#define TB_CHANNELS 32
#define TB_PARAMETERS 256
#define TB_MOST_FRAMES 8192 /* of one turn of the callback; a longer block takes several */
#define TB_ENTRIES 1024 /* of a journal, and of the turns that are remembered; a power of two */

#define TB_FROM_NOTHING 0
#define TB_FROM_DEVICE 1
#define TB_FROM_FEED 2

#define TB_LATE_SILENT 0
#define TB_LATE_DRY 1

#define TB_FADE_LINEAR 0
#define TB_FADE_POWER 1

/* What the control process sets, all at once: guarded by tb_header.parameters_sequence. */
typedef struct {
    float level;          /* 0 silent, 1 full; moves there over fade_frames */
    uint32_t fade_frames;
    uint32_t fade_curve;  /* TB_FADE_... */
} tb_slot_parameters;

typedef struct {
    float input_gain;
    float output_gain;
    float mix;            /* 0 dry, 1 wet */
    float width;          /* of the first two channels of the wet sound: 0 mono, 1 as it is */
    float gate;           /* amplitude under which the input is shut off; 0 is no gate */
    float ceiling;        /* amplitude that the limiter holds */
    uint32_t limiter;     /* these four: 0 or 1 */
    uint32_t dc_block;
    uint32_t bypass;
    uint32_t panic;
    uint32_t source;      /* TB_FROM_... */
    uint32_t late;        /* TB_LATE_... */
    uint32_t delay;       /* frames that the dry path waits: the latency of what sounds */
    uint32_t ramp_frames; /* how long every other change takes */
    tb_slot_parameters slot[TB_SLOTS];
} tb_parameters;

/* A value on its way: the callback's own. */
typedef struct {
    double value;
    double target;
    double step;
    uint64_t left;
} tb_ramp;

/* What was changed, by its sequence number, and the first frame that was played with it. Entry n
 * is at n modulo TB_ENTRIES; one writes, and who reads too late can tell by `written`. */
typedef struct {
    tb_counter sequence;
    tb_counter frame;
} tb_entry;

typedef struct {
    tb_counter written;
    tb_entry entry[TB_ENTRIES];
} tb_journal;

typedef struct {
    /* The worker's. */
    tb_word attached;       /* 0: nobody; otherwise which attachment this is */
    uint32_t latency;       /* frames */
    uint32_t block;         /* frames */
    uint32_t values_used;   /* the control process's, as are the values below */
    tb_counter valid_from;
    tb_counter valid_until;
    tb_counter turns;       /* blocks worked through */
    tb_counter skipped;     /* frames passed over to catch up */
    tb_counter turn_ns;     /* from input ready to output ready: the last, and the longest */
    tb_counter turn_ns_most;
    /* The control process's, for this worker. */
    tb_word values_sequence;
    uint32_t reserved;
    double values[TB_PARAMETERS];
    /* The callback's. */
    tb_counter late_blocks; /* device blocks that lacked some of this slot while it was audible */
    tb_counter late_frames;
    tb_counter gaps; /* times that it began to lack sound while it was audible */
    tb_counter bad_samples; /* not finite, played as zero */
    tb_ramp level;
    double presence;        /* 1: sounding; moves to 0 where frames are missing */
    uint32_t held;          /* 1: from a missing frame on, until presence has come to 0 */
    uint32_t lacking;       /* 1: in a gap */
    float last[TB_CHANNELS];
    uint64_t output_at;     /* bytes from the start of the memory to its ring */
    /* The worker's again: the last turns in nanoseconds, number n at n modulo TB_ENTRIES. */
    tb_counter recent_turn_ns[TB_ENTRIES];
} tb_slot;

typedef struct {
    float peak[TB_CHANNELS];
    double mean_square[TB_CHANNELS];
} tb_meter;

typedef struct {
    /* Fixed when the memory is made. */
    uint32_t magic;
    uint32_t version;
    uint32_t header_bytes;
    uint32_t sample_rate;
    uint32_t inputs;  /* channels of the bus */
    uint32_t outputs; /* channels that are heard */
    uint32_t slots;
    uint32_t capacity; /* frames in each ring, a power of two */
    uint64_t total_bytes;
    uint64_t captured_at; /* what came in, cleaned: inputs channels */
    uint64_t bus_at;      /* after gain and gate, what workers read: inputs channels */
    uint64_t feed_at;     /* sound from elsewhere in place of the device: inputs channels */
    uint64_t heard_at;    /* what went out: outputs channels */
    double presence_step;
    double gate_decay;
    double gate_open_step;
    double gate_close_step;
    double dc_pole;
    double limiter_decay;
    double peak_decay;
    double meter_decay;

    /* The device as the I/O process opened it. */
    uint32_t device_inputs;
    uint32_t device_outputs;
    int32_t input_map[TB_CHANNELS];  /* bus channel -> device channel, -1 for none */
    int32_t output_map[TB_CHANNELS]; /* heard channel -> device channel, -1 for none */

    /* Written by the control process. */
    tb_word parameters_sequence; /* odd while they are being written */
    uint32_t reserved;
    tb_parameters parameters;
    tb_counter feed_from; /* frames [feed_from, feed_until) of the feed may be read */
    tb_counter feed_until;

    /* Written by the callback. */
    tb_counter position;
    tb_counter blocks; /* its heartbeat */
    tb_counter underruns;
    tb_counter bad_inputs;
    tb_counter bad_outputs;
    tb_counter limited_frames;
    tb_counter input_underflows;
    tb_counter input_overflows;
    tb_counter output_underflows;
    tb_counter output_overflows;
    tb_counter block_frames; /* of the last block */
    tb_counter busy_ns;      /* time inside the callback: all, and the longest */
    tb_counter busy_ns_most;
    tb_meter input_meter;
    tb_meter output_meter;
    tb_parameters current; /* the last parameters that were read whole */
    tb_ramp input_gain;
    tb_ramp output_gain;
    tb_ramp mix;
    tb_ramp width;
    tb_ramp dc_amount;
    tb_ramp bypass;
    tb_ramp panic;
    tb_ramp delay_fade; /* from delay_from to delay_to */
    uint32_t delay_from;
    uint32_t delay_to;
    double gate_envelope;
    double gate_gain;
    uint32_t gate_is_open;
    uint32_t started; /* 0: the first block takes its values without ramps */
    double dc_in[TB_CHANNELS];
    double dc_out[TB_CHANNELS];
    double reduction; /* of the limiter: 0 none, 1 all */
    uint32_t taken; /* the parameters_sequence of `current` */
    uint32_t reserved_too;
    tb_journal journal; /* of the parameters */

    tb_slot slot[TB_SLOTS];
} tb_header;
