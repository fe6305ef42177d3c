/* pool.c: see pool.h. Nobody spins: a thread that waits sleeps, since on a busy machine the one it waits for may need its core.
 *
 * A job is open while its caller takes parts. A worker that wakes in time enters it, takes parts until none is left, and leaves; the caller
 * takes parts too, closes the job, and waits for those that are inside. One that wakes too late finds the job closed and sleeps on, so that a
 * short job is never kept waiting for a thread that had nothing to give: where the workers get no core, the caller alone does it all.
 *
 * What is read inside a job was written before it was opened, under the lock that the worker took to enter. The counter of the parts only
 * hands out numbers; what they leave is seen by the caller through the lock that a worker takes to leave. */
#define _GNU_SOURCE /* sched_getaffinity() */
#include "engine/run/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

typedef struct job {
    weft__work work;
    void *context;
    size_t parts;
} job;

struct weft__pool {
    weft_allocator allocator;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* workers: a job, or the end */
    pthread_cond_t left; /* the caller: the last worker has left */
    job job;
    atomic_size_t next;  /* part */
    size_t opened;       /* jobs so far */
    bool open, stop;
    int entered, inside; /* workers, of the current job */
    int workers;         /* that were started */
    pthread_t thread[MOST_THREADS];
};

static void take_parts(weft__pool *pool, const job *j, int worker)
{
    for (size_t part; (part = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed)) < j->parts;)
        j->work(j->context, part, worker);
}

static void *worker_main(void *context)
{
    weft__pool *pool = context;
    size_t seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->stop && (!pool->open || pool->opened == seen))
            pthread_cond_wait(&pool->wake, &pool->lock);
        if (pool->stop)
            break;
        seen = pool->opened;
        if ((size_t)pool->entered + 1 >= pool->job.parts)
            continue;
        int worker = ++pool->entered;
        job j = pool->job;
        pool->inside++;
        pthread_mutex_unlock(&pool->lock);
        take_parts(pool, &j, worker);
        pthread_mutex_lock(&pool->lock);
        if (!--pool->inside && !pool->open)
            pthread_cond_signal(&pool->left);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

int weft__thread_count(int asked)
{
    if (asked == WEFT_ALL_CORES) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
#if defined(__linux__)
        cpu_set_t mine; /* those that this process may use */
        if (!sched_getaffinity(0, sizeof mine, &mine))
            cores = CPU_COUNT(&mine);
#endif
        asked = cores < 1 ? 1 : cores > MOST_THREADS ? MOST_THREADS : (int)cores;
    }
    return asked < 0 ? 0 : asked == 0 ? 1 : asked > MOST_THREADS ? MOST_THREADS : asked;
}

static bool init_waiting(weft__pool *pool)
{
    if (pthread_mutex_init(&pool->lock, NULL))
        return false;
    if (!pthread_cond_init(&pool->wake, NULL)) {
        if (!pthread_cond_init(&pool->left, NULL))
            return true;
        pthread_cond_destroy(&pool->wake);
    }
    pthread_mutex_destroy(&pool->lock);
    return false;
}

weft__pool *weft__pool_new(const weft_allocator *allocator, int threads)
{
    weft__pool *pool = weft__allocate(allocator, sizeof *pool);
    if (!pool)
        return NULL;
    *pool = (weft__pool){.allocator = *allocator};
    atomic_init(&pool->next, 0);
    if (!init_waiting(pool)) {
        weft__release(allocator, pool, sizeof *pool);
        return NULL;
    }
    sigset_t all, before; /* signals are for the threads that the caller made */
    sigfillset(&all);
    bool masked = !pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool->workers + 1 < threads && !pthread_create(&pool->thread[pool->workers], NULL, worker_main, pool))
        pool->workers++;
    if (masked)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool;
}

void weft__pool_free(weft__pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->workers; i++)
        pthread_join(pool->thread[i], NULL);
    pthread_cond_destroy(&pool->left);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    weft_allocator allocator = pool->allocator;
    weft__release(&allocator, pool, sizeof *pool);
}

void weft__pool_run(weft__pool *pool, weft__work work, void *context, size_t parts)
{
    if (!pool || !pool->workers || parts < 2) {
        for (size_t part = 0; part < parts; part++)
            work(context, part, 0);
        return;
    }
    job j = {work, context, parts};
    pthread_mutex_lock(&pool->lock);
    pool->job = j;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    pool->entered = 0;
    pool->opened++;
    pool->open = true;
    pthread_mutex_unlock(&pool->lock);
    if (parts > (size_t)pool->workers)
        pthread_cond_broadcast(&pool->wake);
    else
        for (size_t i = 1; i < parts; i++)
            pthread_cond_signal(&pool->wake);
    take_parts(pool, &j, 0);
    pthread_mutex_lock(&pool->lock);
    pool->open = false;
    while (pool->inside)
        pthread_cond_wait(&pool->left, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
