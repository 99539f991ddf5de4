// InChild: what must run in a process of its own: a second opener of an environment, or work that ends the
// process.

#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <functional>

namespace hashpost {

// Runs `work` after fork(); work that throws exits with 99, else with what it returns.
inline pid_t StartChild(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  int status = 99;
  try {
    status = work();
  } catch (const std::exception&) {
  }
  ::_exit(status);
}

// The wait status.
inline int AwaitChild(pid_t child) {
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

inline int InChild(const std::function<int()>& work) {
  return AwaitChild(StartChild(work));
}

}  // namespace hashpost
