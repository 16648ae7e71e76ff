// What runs in a pause container: it waits to be told to end. As the first process of a task's
// process namespace it is also the parent of every orphan there, and buries them.
//
// Every signal is blocked and waited for, because the kernel keeps from the first process of a
// namespace what it has no handler for.

enum { CHILD = 17, TERMINATE = 15, INTERRUPT = 2, WITHOUT_WAITING = 1, BLOCK = 0 };

#ifdef PAUSE_FREESTANDING

#if defined(__x86_64__)
enum { SIGPROCMASK = 14, SIGTIMEDWAIT = 128, WAIT4 = 61, EXIT = 231 };

static long ask(long number, long a, long b, long c, long d)
{
    register long r10 __asm__("r10") = d;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}
#else
enum { SIGPROCMASK = 135, SIGTIMEDWAIT = 137, WAIT4 = 260, EXIT = 94 };

static long ask(long number, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
#endif

#else
#include <sys/syscall.h>
#include <unistd.h>

enum {
    SIGPROCMASK = SYS_rt_sigprocmask,
    SIGTIMEDWAIT = SYS_rt_sigtimedwait,
    WAIT4 = SYS_wait4,
    EXIT = SYS_exit_group,
};
#define ask(number, a, b, c, d) syscall(number, a, b, c, d)
#endif

static const unsigned long long all = ~0ULL;

#ifdef PAUSE_FREESTANDING
void _start(void);
void _start(void)
#else
int main(void)
#endif
{
    ask(SIGPROCMASK, BLOCK, (long)&all, 0, sizeof all);
    for (;;) {
        long signal = ask(SIGTIMEDWAIT, (long)&all, 0, 0, sizeof all);

        if (signal == TERMINATE || signal == INTERRUPT)
            ask(EXIT, 0, 0, 0, 0);
        while (signal == CHILD && ask(WAIT4, -1, 0, WITHOUT_WAITING, 0) > 0) {
        }
    }
}
