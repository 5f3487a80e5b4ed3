/* A disk that remembers and a disk that fails: LD_PRELOADed under a program, it stands between it and its files.
 *
 *   FAULTY_DISK_ROOT  absolute path of the folder whose files count
 *   FAULTY_DISK_LOG   every change is appended to this file, in the order in which it happened
 *   FAULTY_DISK_FAIL  N:WHAT - what happens to the N-th call on those files (from 1) of this process:
 *                     eio     it fails with EIO, once           eio+     it and every later one
 *                     enospc  writes fail with ENOSPC, once     enospc+  it and every later one
 *                     short   it writes half of what it should  kill     the process is killed before it
 *                     sync    the N-th sync fails with EIO, once
 *   FAULTY_DISK_SLOW  milliseconds that each sync of those files takes longer
 *
 * A record of the log, little endian, appended by one write() so that several processes may share it:
 *   u32 length of all that follows | u32 process | u8 what | u64 offset | u32 length of path | path | data
 *   what: C create, W write, T truncate (offset is the size), S sync of a file, D sync of a folder, R rename (data is the
 *   new name), U unlink, E the call named by the first byte of data was made to fail. The test adds A: acknowledged.
 *
 * One lock is held over each call and its record: the order of the log is the order of the disk.
 * Memory that is mapped is not seen: SQLite maps only its -shm file, which means nothing after a power cut.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *names[FILES]; /* path below the root of each open file, or NULL */
static char root[4096];
static size_t root_length;
static int log_file = -1;
static long calls, fail_at;
static char fail_how[16];
static long slow_ms;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static ssize_t (*real_read)(int, void *, size_t);
static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);

__attribute__((constructor)) static void start(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_pread = dlsym(RTLD_NEXT, "pread64");
    real_read = dlsym(RTLD_NEXT, "read");
    real_open = dlsym(RTLD_NEXT, "open64");
    real_close = dlsym(RTLD_NEXT, "close");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    const char *where = getenv("FAULTY_DISK_ROOT");
    if (where) {
        snprintf(root, sizeof root, "%s", where);
        root_length = strlen(root);
    }
    const char *to = getenv("FAULTY_DISK_LOG");
    if (to) log_file = real_open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const char *fail = getenv("FAULTY_DISK_FAIL");
    if (fail) sscanf(fail, "%ld:%15s", &fail_at, fail_how);
    const char *slow = getenv("FAULTY_DISK_SLOW");
    if (slow) slow_ms = atol(slow);
}

/* The path below the root, or NULL; the root itself is "". */
static const char *below(const char *path) {
    if (!root_length || strncmp(path, root, root_length) != 0) return NULL;
    if (path[root_length] == 0) return path + root_length;
    return path[root_length] == '/' ? path + root_length + 1 : NULL;
}

static const char *name_of(int fd) { return fd >= 0 && fd < FILES ? names[fd] : NULL; }

static void record(char what, const char *path, uint64_t offset, const void *data, size_t size) {
    if (log_file < 0) return;
    uint32_t name = strlen(path), length = 4 + 1 + 8 + 4 + name + size, process = getpid();
    char *out = malloc(4 + length), *p = out;
    if (!out) abort();
    memcpy(p, &length, 4), p += 4;
    memcpy(p, &process, 4), p += 4;
    *p++ = what;
    memcpy(p, &offset, 8), p += 8;
    memcpy(p, &name, 4), p += 4;
    memcpy(p, path, name), p += name;
    if (size) memcpy(p, data, size);
    if (real_write(log_file, out, 4 + length) != (ssize_t)(4 + length)) abort();
    free(out);
}

enum fate { GO_ON, FAIL, HALF };

/* Counts a call and says what becomes of it; sets errno where it fails. */
static enum fate fate(char what, const char *path) {
    /* A kill before a read is one before the write that follows it. */
    if (what == 'r' && strcmp(fail_how, "kill") == 0) return GO_ON;
    if (what != 'S' && what != 'D' && strcmp(fail_how, "sync") == 0) return GO_ON;
    calls++;
    if (!fail_at || calls < fail_at) return GO_ON;
    int writes = strchr("CWT", what) != NULL;
    int lasting = strchr(fail_how, '+') != NULL;
    if (calls > fail_at && !lasting) return GO_ON;
    if (strcmp(fail_how, "kill") == 0) {
        syscall(SYS_kill, getpid(), SIGKILL);
        for (;;) pause();
    }
    if (strcmp(fail_how, "short") == 0) {
        if (what != 'W') return GO_ON;
        record('E', path, calls, &what, 1);
        return HALF;
    }
    if (strncmp(fail_how, "enospc", 6) == 0) {
        if (!writes) return GO_ON;
        errno = ENOSPC;
    } else {
        errno = EIO;
    }
    record('E', path, calls, &what, 1);
    return FAIL;
}

static int opened(const char *path, int flags, mode_t mode) {
    const char *name = below(path);
    if (!name) return real_open(path, flags, mode);
    pthread_mutex_lock(&lock);
    int made = (flags & O_CREAT) && access(path, F_OK) != 0;
    int fd = made && fate('C', name) == FAIL ? -1 : real_open(path, flags, mode);
    if (fd >= 0) {
        if (made) record('C', name, 0, NULL, 0);
        else if (flags & O_TRUNC) record('T', name, 0, NULL, 0);
        if (fd < FILES) {
            free(names[fd]);
            names[fd] = strdup(name);
        }
    }
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return fd;
}

#define MODE(flags)                          \
    mode_t mode = 0;                         \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list more;                        \
        va_start(more, flags);               \
        mode = va_arg(more, mode_t);         \
        va_end(more);                        \
    }

int open(const char *path, int flags, ...) { MODE(flags) return opened(path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(path, flags, mode); }
int openat(int dir, const char *path, int flags, ...) {
    MODE(flags)
    if (path[0] == '/') return opened(path, flags, mode);
    return syscall(SYS_openat, dir, path, flags, mode);
}
int openat64(int dir, const char *path, int flags, ...) __attribute__((alias("openat")));

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FILES && names[fd]) {
        free(names[fd]);
        names[fd] = NULL;
    }
    pthread_mutex_unlock(&lock);
    return real_close(fd);
}

static ssize_t wrote(int fd, const void *data, size_t size, off_t at, int moves) {
    pthread_mutex_lock(&lock);
    const char *name = name_of(fd);
    ssize_t done;
    if (!name) {
        pthread_mutex_unlock(&lock);
        return moves ? real_write(fd, data, size) : real_pwrite(fd, data, size, at);
    }
    enum fate is = fate('W', name);
    if (is == FAIL) {
        done = -1;
    } else {
        if (is == HALF && size > 1) size /= 2;
        if (moves) {
            struct stat info;
            int append = fcntl(fd, F_GETFL) & O_APPEND;
            at = append && fstat(fd, &info) == 0 ? info.st_size : lseek(fd, 0, SEEK_CUR);
        }
        done = moves ? real_write(fd, data, size) : real_pwrite(fd, data, size, at);
        if (done > 0) record('W', name, at, data, done);
    }
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

ssize_t write(int fd, const void *data, size_t size) { return wrote(fd, data, size, 0, 1); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return wrote(fd, data, size, at, 0); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return wrote(fd, data, size, at, 0); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
    ssize_t all = 0;
    if (!name_of(fd)) return syscall(SYS_writev, fd, parts, count);
    for (int i = 0; i < count; i++) {
        ssize_t done = wrote(fd, parts[i].iov_base, parts[i].iov_len, 0, 1);
        if (done < 0) return all ? all : -1;
        all += done;
        if ((size_t)done < parts[i].iov_len) break;
    }
    return all;
}

static ssize_t got(int fd, void *data, size_t size, off_t at, int moves) {
    pthread_mutex_lock(&lock);
    const char *name = name_of(fd);
    enum fate is = name ? fate('r', name) : GO_ON;
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    if (is == FAIL) return -1;
    return moves ? real_read(fd, data, size) : real_pread(fd, data, size, at);
}

ssize_t read(int fd, void *data, size_t size) { return got(fd, data, size, 0, 1); }
ssize_t pread(int fd, void *data, size_t size, off_t at) { return got(fd, data, size, at, 0); }
ssize_t pread64(int fd, void *data, size_t size, off64_t at) { return got(fd, data, size, at, 0); }

static int cut(int fd, off_t size) {
    pthread_mutex_lock(&lock);
    const char *name = name_of(fd);
    int done = name && fate('T', name) == FAIL ? -1 : real_ftruncate(fd, size);
    if (name && done == 0) record('T', name, size, NULL, 0);
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(fd, size); }

static int synced(int fd, int (*real)(int)) {
    /* Outside the lock: others read and write meanwhile. */
    if (slow_ms && name_of(fd)) usleep(slow_ms * 1000);
    pthread_mutex_lock(&lock);
    const char *name = name_of(fd);
    struct stat info;
    char what = fstat(fd, &info) == 0 && S_ISDIR(info.st_mode) ? 'D' : 'S';
    int done = name && fate(what, name) == FAIL ? -1 : real(fd);
    if (name && done == 0) record(what, name, 0, NULL, 0);
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

int fsync(int fd) { return synced(fd, real_fsync); }
int fdatasync(int fd) { return synced(fd, real_fdatasync); }

int rename(const char *from, const char *to) {
    const char *old = below(from), *fresh = below(to);
    if (!old || !fresh) return real_rename(from, to);
    pthread_mutex_lock(&lock);
    int done = fate('R', old) == FAIL ? -1 : real_rename(from, to);
    if (done == 0) {
        record('R', old, 0, fresh, strlen(fresh));
        for (int fd = 0; fd < FILES; fd++) {
            if (names[fd] && strcmp(names[fd], old) == 0) {
                free(names[fd]);
                names[fd] = strdup(fresh);
            }
        }
    }
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

int unlink(const char *path) {
    const char *name = below(path);
    if (!name) return real_unlink(path);
    pthread_mutex_lock(&lock);
    int done = fate('U', name) == FAIL ? -1 : real_unlink(path);
    if (done == 0) record('U', name, 0, NULL, 0);
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}
